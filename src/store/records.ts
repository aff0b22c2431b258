import type { Entry } from './store.ts';

/** Of the records that this version writes; a record without `v` has version 1. */
export const recordVersion = 1;

/** A record and the revision it was read at, which a commit can insist on. */
export interface Stored<Value> {
  readonly value: Value;
  readonly revision: number;
}

/**
 * The JSON of an entry as the type it is stored under that key as.
 * @throws Error for a record of a newer version, or one that is no JSON
 */
export function parseRecord<Value>({ key, value, revision }: Entry): Stored<Value> {
  const parsed = JSON.parse(value) as Value & { readonly v?: number };
  const version = parsed.v ?? 1;
  if (version > recordVersion) {
    throw new Error(
      `${key} was written by a newer version of Sluice ` +
        `(record ${version}, this one knows ${recordVersion})`,
    );
  }
  return { value: parsed, revision };
}
