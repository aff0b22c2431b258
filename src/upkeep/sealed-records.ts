import { limits } from '../limits.ts';
import { keys } from '../store/keys.ts';
import type { Entry, Store } from '../store/store.ts';

/**
 * Every kind of record that holds something sealed with the master key, and the field that does.
 * The context of the seal is the record's own key. Who seals another kind names it here: a test
 * holds the store's records against this list.
 */
export const sealedRecords = [
  { prefix: keys.rootAccount, field: 'sealed' },
  { prefix: keys.accessKey(''), field: 'secret' },
  { prefix: keys.certificates, field: 'key' },
  { prefix: keys.auditSecret, field: 'secret' },
] as const;

export interface SealedEntry extends Entry {
  readonly field: string;
  readonly sealed: string;
}

/** All sealed records of a store, some at a time. */
export async function* sealedEntries(store: Store): AsyncIterable<SealedEntry> {
  for (const { prefix, field } of sealedRecords) {
    for await (const entry of entriesOf(store, prefix)) {
      const sealed = (JSON.parse(entry.value) as Record<string, unknown>)[field];
      if (typeof sealed === 'string') yield { ...entry, field, sealed };
    }
  }
}

async function* entriesOf(store: Store, prefix: string): AsyncIterable<Entry> {
  let after: string | undefined;
  do {
    const options = { limit: limits.rangePage, ...(after === undefined ? {} : { after }) };
    const { entries } = await store.range(prefix, options);
    yield* entries;
    after = entries.length < limits.rangePage ? undefined : entries.at(-1)?.key;
  } while (after !== undefined);
}
