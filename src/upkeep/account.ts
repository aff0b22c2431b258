import { keys } from '../store/keys.ts';
import type { Store } from '../store/store.ts';

/** The one account of a store. */
export interface AccountRecord {
  readonly v: 1;
  readonly id: string;
  /** A known text, sealed: tells at start whether this control plane has the right master key. */
  readonly sealed: string;
  /** Work on the whole store that was broken off: no control plane starts until it is done. */
  readonly unfinished?: Unfinished;
}

export type Unfinished = 'rotation' | 'restore';

/** What to do about unfinished work. */
export const remedies: Readonly<Record<Unfinished, string>> = {
  rotation: 'the change of the master key was broken off: run sluice keys rotate again',
  restore: 'a restore was broken off: run sluice restore again with the same file',
};

/** Marks the store as being worked on, or as whole again. @throws Error when it has no account */
export async function markUnfinished(store: Store, work: Unfinished | undefined): Promise<void> {
  const found = await store.get(keys.rootAccount);
  if (found === undefined) throw new Error('the store has no account: nothing was ever kept in it');
  const { unfinished: _before, ...record } = JSON.parse(found.value) as AccountRecord;
  const marked = work === undefined ? record : { ...record, unfinished: work };
  const { committed } = await store.commit({
    ifRevision: new Map([[found.key, found.revision]]),
    puts: [{ key: found.key, value: JSON.stringify(marked) }],
    deletes: [],
  });
  if (!committed) throw new Error('the store has changed meanwhile: stop every control plane');
}
