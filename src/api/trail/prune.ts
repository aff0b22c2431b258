import { sleep } from '../../clock.ts';
import { limits } from '../../limits.ts';
import { keys } from '../../store/keys.ts';
import { auditPlace } from '../audit-log.ts';
import { auditPrefix, type ChainEnd, readEnd, readStored, type SealRecord } from './chain.ts';
import { digestOf } from './proof.ts';
import type { Sealer, SealerOptions } from './sealer.ts';

export interface PrunerOptions extends SealerOptions {
  /** The one whose control plane seals prunes too. */
  readonly sealer: Pick<Sealer, 'leads'>;
  readonly retentionMs: number;
}

/**
 * Deletes records of the audit log whose time is over, whole seals at a time: first the anchor
 * takes the place of the oldest seal, then go the records of its revisions. So wherever it is
 * broken off, what is left is either sealed or known to be on its way out.
 */
export class Pruner {
  readonly #options: PrunerOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: PrunerOptions) {
    this.#options = options;
    this.#running = this.#run();
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
      try {
        while (!signal.aborted && sealer.leads && (await this.#step())) {
          await sleep(timers, limits.auditPrunePause, signal);
        }
      } catch (error) {
        if (!signal.aborted) log.warn({ err: error }, 'cannot prune the audit log, trying again');
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

  /** Moves the anchor over the oldest seal, when the time of all its records is over. */
  async #anchorNext(anchor: ChainEnd & { readonly revision: number }): Promise<boolean> {
    const { store, proof, now, retentionMs, log } = this.#options;
    const number = anchor.number + 1;
    const entry = await readStored(store, keys.auditSeal(number));
    if (entry === undefined) return false;
    if (!proof.isGenuine(entry)) {
      log.error({ key: entry.key }, 'a seal of the audit log was altered: it is kept');
      return false;
    }
    const { to, records } = JSON.parse(entry.value) as SealRecord;
    const end = auditPlace(now() - retentionMs).slice(auditPrefix.length);
    if (records.some(([place]) => place >= end)) return false;
    const digest = digestOf(entry.value);
    const next: ChainEnd = { v: 1, number, to, digest, time: now(), by: anchor.by };
    const outcome = await store.commit({
      ifRevision: new Map([
        [keys.auditAnchor, anchor.revision],
        [entry.key, entry.revision],
      ]),
      puts: [proof.sign(keys.auditAnchor, next)],
      deletes: [entry.key],
    });
    return outcome.committed;
  }
}
