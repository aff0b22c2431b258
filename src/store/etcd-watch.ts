import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs, type EtcdClient, unavailable } from './etcd-client.ts';
import { decode, EtcdRefusal, encode, LineTooLong } from './etcd-wire.ts';
import { prefixEnd } from './key-order.ts';
import type { Change, WatchEvent } from './store.ts';

/** One line of a watch: https://etcd.io/docs/v3.4/learning/api/#watch-streams */
interface WatchAnswer {
  readonly header: { readonly revision: string };
  readonly created?: boolean;
  readonly canceled?: boolean;
  readonly compact_revision?: string;
  readonly cancel_reason?: string;
  readonly events?: readonly {
    /** Left out for a put. */
    readonly type?: 'DELETE';
    readonly kv: { readonly key: string; readonly value?: string; readonly mod_revision: string };
  }[];
}

export interface EtcdWatch {
  /** Added to every key in etcd, and taken off again. */
  readonly keyspace: string;
  readonly prefix: string;
  readonly afterRevision: number;
  readonly signal: AbortSignal;
}

/**
 * See Store.watch. Reconnects behind the last revision it has told of when a stream breaks or
 * goes silent; what etcd cannot replay ends in `compacted`.
 * @throws StoreUnavailable when no stream could be opened for timing.watchPatienceMs
 */
export async function* watchEtcd(
  client: EtcdClient,
  { keyspace, prefix, afterRevision, signal }: EtcdWatch,
): AsyncGenerator<WatchEvent, void, undefined> {
  let seen = afterRevision;
  let failures = 0;
  let heardAt = performance.now();
  while (!signal.aborted) {
    const request = watchRequest(keyspace + prefix, seen + 1);
    try {
      for await (const answer of client.stream<WatchAnswer>('/v3/watch', request, signal)) {
        if (answer.compact_revision !== undefined) {
          yield { kind: 'compacted', revision: Number(answer.compact_revision) };
          return;
        }
        if (answer.canceled) throw new Error(answer.cancel_reason ?? 'etcd ended the watch');
        failures = 0;
        for (const event of commitsOf(answer, keyspace)) {
          seen = event.revision;
          yield event;
          if (signal.aborted) return;
        }
        if (isProgress(answer)) seen = Math.max(seen, Number(answer.header.revision));
        heardAt = performance.now();
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof LineTooLong) {
        yield { kind: 'compacted', revision: seen };
        return;
      }
      const refused = error instanceof EtcdRefusal;
      if (refused || performance.now() - heardAt > client.timing.watchPatienceMs) {
        throw unavailable('the watch on etcd is lost', 'nothing-changed', error);
      }
    }
    failures += 1;
    await pause(backoffMs(failures), signal);
  }
}

function watchRequest(prefix: string, startRevision: number): object {
  return {
    create_request: {
      key: encode(prefix),
      range_end: encode(prefixEnd(prefix) as string),
      start_revision: String(startRevision),
      progress_notify: true,
    },
  };
}

/** The events of an answer by revision: etcd puts all of a transaction into one answer. */
function commitsOf({ events = [] }: WatchAnswer, keyspace: string): Commits {
  const byRevision = Map.groupBy(events, ({ kv }) => Number(kv.mod_revision));
  return Array.from(byRevision, ([revision, group]) => ({
    kind: 'changes',
    revision,
    changes: group.map(
      ({ type, kv }): Change => ({
        key: decode(kv.key).slice(keyspace.length),
        value: type === 'DELETE' ? null : decode(kv.value),
      }),
    ),
  }));
}

type Commits = readonly Extract<WatchEvent, { kind: 'changes' }>[];

/** Without events: everything up to the header's revision has been told. */
function isProgress({ created, events = [] }: WatchAnswer): boolean {
  return created !== true && events.length === 0;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
