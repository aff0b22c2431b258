import { limits } from '../limits.ts';
import type { Seal } from '../sealing.ts';
import type { Store, Write } from '../store/store.ts';
import { markUnfinished } from './account.ts';
import { keepAuditSecret } from './audit-secret.ts';
import { type SealedEntry, sealedEntries } from './sealed-records.ts';

/**
 * Seals every sealed record anew, from one master key to another, some in each commit. What is
 * sealed with the new one already stays, so a run that was broken off can be run again; until
 * `finish` no control plane starts, since it would know one of both keys only.
 * @returns how many records were sealed anew
 * @throws Error when a record opens with neither key: then nothing was changed
 */
export async function resealAll(store: Store, from: Seal, to: Seal): Promise<number> {
  for await (const entry of sealedEntries(store)) openEither(entry, from, to);
  await markUnfinished(store, 'rotation');
  await keepAuditSecret(store, from, to);
  let count = 0;
  let batch: SealedEntry[] = [];
  let bytes = 0;
  const commit = async () => {
    await writeAnew(store, batch, from, to);
    count += batch.length;
    batch = [];
    bytes = 0;
  };
  for await (const entry of sealedEntries(store)) {
    if (opens(to, entry)) continue;
    batch.push(entry);
    bytes += entry.value.length;
    if (batch.length >= limits.commitKeys || bytes > limits.foldedBytes) await commit();
  }
  if (batch.length > 0) await commit();
  return count;
}

/** Once the new key is in its place. */
export function finish(store: Store): Promise<void> {
  return markUnfinished(store, undefined);
}

async function writeAnew(
  store: Store,
  entries: readonly SealedEntry[],
  from: Seal,
  to: Seal,
): Promise<void> {
  const puts: Write[] = entries.map((entry) => {
    const { key, field, value } = entry;
    const record = JSON.parse(value) as Record<string, unknown>;
    const sealed = to.seal(openEither(entry, from, to), key);
    return { key, value: JSON.stringify({ ...record, [field]: sealed }) };
  });
  const ifRevision = new Map(entries.map(({ key, revision }) => [key, revision]));
  const { committed } = await store.commit({ ifRevision, puts, deletes: [] });
  if (!committed) throw new Error('the store has changed meanwhile: stop every control plane');
}

function openEither({ key, sealed }: SealedEntry, from: Seal, to: Seal): string {
  for (const seal of [to, from]) {
    try {
      return seal.open(sealed, key);
    } catch {
      // Then it is the other's, or nobody's.
    }
  }
  throw new Error(`${key} opens with neither master key; nothing was changed`);
}

function opens(seal: Seal, { key, sealed }: SealedEntry): boolean {
  try {
    seal.open(sealed, key);
    return true;
  } catch {
    // Sealed with another key: that is what was asked.
    return false;
  }
}
