import { limits } from '../limits.ts';
import { type Effect, EtcdClient, type EtcdClientOptions, unavailable } from './etcd-client.ts';
import { watchEtcd } from './etcd-watch.ts';
import { decode, EtcdRefusal, encode, grpc } from './etcd-wire.ts';
import { checkCommit, checkKey, keyAfter, pageStart, prefixEnd } from './key-order.ts';
import {
  type Commit,
  type CommitResult,
  type Entry,
  type Lease,
  LeaseLapsed,
  type Range,
  type RangeOptions,
  type Store,
  StoreUnavailable,
  type WatchEvent,
} from './store.ts';

export interface EtcdOptions extends EtcdClientOptions {
  /** In front of every key in etcd; `/sluice/` by default. */
  readonly prefix?: string;
}

/**
 * The store of any number of processes: etcd 3.4 or later, by its JSON gateway.
 * @throws StoreUnavailable when no endpoint answers, or refuses the user
 */
export async function openEtcd({ prefix = '/sluice/', ...options }: EtcdOptions): Promise<Store> {
  if (prefix === '') throw new TypeError('the prefix of keys in etcd is not empty');
  const store = new EtcdStore(new EtcdClient(options), prefix);
  try {
    await store.get('-');
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

/** int64 come as text; what is 0, false or empty is left out. */
interface Header {
  readonly revision: string;
}
interface KeyValue {
  readonly key: string;
  readonly value?: string;
  readonly mod_revision: string;
}
interface RangeAnswer {
  readonly header: Header;
  readonly kvs?: readonly KeyValue[];
  readonly more?: boolean;
}

class EtcdStore implements Store {
  readonly #client: EtcdClient;
  readonly #keyspace: string;
  readonly #closing = new AbortController();

  constructor(client: EtcdClient, keyspace: string) {
    this.#client = client;
    this.#keyspace = keyspace;
  }

  async get(key: string): Promise<Entry | undefined> {
    const answer = await this.#read({ key: this.#encode(key) });
    return answer.kvs?.map((kv) => this.#entry(kv))[0];
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<Range> {
    const { after, limit = Number.POSITIVE_INFINITY } = options;
    const start = pageStart(prefix, after);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#rangeAtOneRevision(prefix, start, limit);
      } catch (error) {
        // Compacted between two pages: begin again at a newer revision.
        const compacted = error instanceof EtcdRefusal && error.code === grpc.outOfRange;
        if (!compacted || attempt > limits.commitRetries) throw error;
      }
    }
  }

  async commit(commit: Commit): Promise<CommitResult> {
    checkCommit(commit);
    const request = {
      compare: Array.from(commit.ifRevision, ([key, revision]) => ({
        key: this.#encode(key),
        target: 'MOD',
        result: 'EQUAL',
        mod_revision: String(revision),
      })),
      success: [
        ...commit.puts.map(({ key, value }) => ({
          request_put: { key: this.#encode(key), value: encode(value) },
        })),
        ...commit.deletes.map((key) => ({ request_delete_range: { key: this.#encode(key) } })),
      ],
    };
    const { succeeded, header } = await this.#call<{ succeeded?: boolean; header: Header }>(
      '/v3/kv/txn',
      request,
      'single',
    );
    return succeeded
      ? { committed: true, revision: Number(header.revision) }
      : { committed: false };
  }

  async *watch(
    prefix: string,
    afterRevision: number,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent, void, undefined> {
    this.#demandOpen();
    const either = AbortSignal.any([signal, this.#closing.signal]);
    const keyspace = this.#keyspace;
    yield* watchEtcd(this.#client, { keyspace, prefix, afterRevision, signal: either });
    if (!signal.aborted) this.#demandOpen();
  }

  async lease(ttlSeconds: number): Promise<Lease> {
    const body = { TTL: String(ttlSeconds) };
    const { ID } = await this.#call<{ ID: string }>('/v3/lease/grant', body, 'repeatable');
    return {
      put: async (key, value) => {
        checkKey(key);
        const put = { key: this.#encode(key), value: encode(value), lease: ID };
        try {
          await this.#call('/v3/kv/put', put, 'repeatable');
        } catch (error) {
          throw isNotFound(error) ? new LeaseLapsed() : error;
        }
      },
      keepAlive: async () => {
        const answer = await this.#call<{ result: { TTL?: string } }>(
          '/v3/lease/keepalive',
          { ID },
          'repeatable',
        );
        if (Number(answer.result.TTL ?? 0) <= 0) throw new LeaseLapsed();
      },
      revoke: async () => {
        try {
          await this.#call('/v3/lease/revoke', { ID }, 'repeatable');
        } catch (error) {
          // Lapsed before: its keys are gone, as wanted.
          if (!isNotFound(error)) throw error;
        }
      },
    };
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    await this.#client.close();
  }

  /** Page by page, all at the revision of the first. */
  async #rangeAtOneRevision(prefix: string, start: string, limit: number): Promise<Range> {
    const entries: Entry[] = [];
    const stop = encode(prefixEnd(this.#keyspace + prefix) as string);
    let from = start;
    let revision: string | undefined;
    for (;;) {
      const wanted = Math.min(limit - entries.length, limits.rangePage);
      const answer = await this.#read({
        key: this.#encode(from),
        range_end: stop,
        limit: String(wanted),
        ...(revision === undefined ? {} : { revision }),
      });
      revision ??= answer.header.revision;
      for (const kv of answer.kvs ?? []) entries.push(this.#entry(kv));
      const last = entries.at(-1);
      if (answer.more !== true || entries.length >= limit || last === undefined) {
        return { entries, revision: Number(revision) };
      }
      from = keyAfter(last.key);
    }
  }

  #read(request: object): Promise<RangeAnswer> {
    return this.#call<RangeAnswer>('/v3/kv/range', request, 'repeatable');
  }

  async #call<Answer>(path: string, body: object, effect: Effect): Promise<Answer> {
    this.#demandOpen();
    try {
      return await this.#client.call<Answer>(path, body, effect);
    } catch (error) {
      throw inWordsOfStore(error);
    }
  }

  #demandOpen(): void {
    if (!this.#closing.signal.aborted) return;
    throw new StoreUnavailable('the store is closed', 'nothing-changed');
  }

  #encode(key: string): string {
    return encode(this.#keyspace + key);
  }

  #entry({ key, value, mod_revision }: KeyValue): Entry {
    return {
      key: decode(key).slice(this.#keyspace.length),
      value: decode(value),
      revision: Number(mod_revision),
    };
  }
}

/** What was not found or compacted means something to the caller; the rest is etcd's state. */
function inWordsOfStore(error: unknown): unknown {
  if (!(error instanceof EtcdRefusal)) return error;
  const { code, message } = error;
  if (code === grpc.notFound || code === grpc.outOfRange) return error;
  if (code === grpc.invalidArgument && message.includes('too large')) {
    return new TypeError('a commit is too large for etcd (--max-request-bytes)', { cause: error });
  }
  return unavailable('etcd refuses', 'nothing-changed', error);
}

function isNotFound(error: unknown): boolean {
  return error instanceof EtcdRefusal && error.code === grpc.notFound;
}
