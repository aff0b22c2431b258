import { sleep } from '../../clock.ts';
import { limits } from '../../limits.ts';
import { keys } from '../../store/keys.ts';
import { auditPlace } from '../audit-log.ts';
import {
  auditPrefix,
  bytesBetween,
  type ChainEnd,
  type Head,
  readEnd,
  readStored,
  type SealRecord,
} from './chain.ts';
import { digestOf } from './proof.ts';
import type { Sealer, SealerOptions } from './sealer.ts';

export interface PrunerOptions extends SealerOptions {
  /** The one whose control plane seals prunes too. */
  readonly sealer: Pick<Sealer, 'leads'>;
  readonly retentionMs: number;
  /** Bytes of the log past which its oldest records go, however young. */
  readonly mostBytes: number;
}

/**
 * Deletes records of the audit log whose time is over, and the oldest while the log is larger than
 * it may be, whole seals at a time: first the anchor
 * takes the place of the oldest seal, then go the records of its revisions. So wherever it is
 * broken off, what is left is either sealed or known to be on its way out.
 */
export class Pruner {
  readonly #options: PrunerOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  /** Records dropped for the size of the log since the start. */
  #dropped = 0;

  constructor(options: PrunerOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  get dropped(): number {
    return this.#dropped;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { timers, log, sealer } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await sleep(timers, limits.auditPruneEvery, signal);
      const before = this.#dropped;
      try {
        while (!signal.aborted && sealer.leads && (await this.#step())) {
          await sleep(timers, limits.auditPrunePause, signal);
        }
      } catch (error) {
        if (!signal.aborted) log.warn({ err: error }, 'cannot prune the audit log, trying again');
      }
      const records = this.#dropped - before;
      if (records > 0) {
        log.warn(
          { records },
          'the audit log is as large as it may be: its oldest records are gone',
        );
      }
    }
  }

  /** @returns false when nothing is left to do */
  async #step(): Promise<boolean> {
    const { store, proof } = this.#options;
    const anchor = await readEnd(store, proof, keys.auditAnchor);
    const page = await store.range(auditPrefix, { limit: limits.auditPrune });
    const over = page.entries.filter(({ revision }) => revision <= anchor.to);
    if (over.length === 0) return this.#anchorNext(anchor);
    const deletes = over.map(({ key }) => key);
    await store.commit({ ifRevision: new Map(), puts: [], deletes });
    return true;
  }

  /** Moves the anchor over the oldest seal, when all its records are too old or one too many. */
  async #anchorNext(anchor: Head): Promise<boolean> {
    const { store, proof, now, retentionMs, mostBytes, log } = this.#options;
    const number = anchor.number + 1;
    const entry = await readStored(store, keys.auditSeal(number));
    if (entry === undefined) return false;
    if (!proof.isGenuine(entry)) {
      log.error({ key: entry.key }, 'a seal of the audit log was altered: it is kept');
      return false;
    }
    const { to, records, bytes = anchor.bytes ?? 0 } = JSON.parse(entry.value) as SealRecord;
    const end = auditPlace(now() - retentionMs).slice(auditPrefix.length);
    const isYoung = records.some(([place]) => place >= end);
    const head = await readEnd(store, proof, keys.auditHead);
    if (isYoung && bytesBetween(anchor, head) <= mostBytes) return false;
    const digest = digestOf(entry.value);
    const next: ChainEnd = { v: 1, number, to, bytes, digest, time: now(), by: anchor.by };
    const outcome = await store.commit({
      ifRevision: new Map([
        [keys.auditAnchor, anchor.revision],
        [entry.key, entry.revision],
      ]),
      puts: [proof.sign(keys.auditAnchor, next)],
      deletes: [entry.key],
    });
    if (outcome.committed && isYoung) this.#dropped += records.length;
    return outcome.committed;
  }
}
