import { limits } from '../../limits.ts';
import type { Call, Reads } from '../call.ts';

interface Sweep<Value> {
  readonly prefix: string;
  /** The key that the commit writes: the search starts behind it, so that all get their turn. */
  readonly own: string;
  readonly isExpired: (value: Value) => boolean;
}

/**
 * A few keys under a prefix whose time is over, to be deleted along with a commit. Each is a
 * condition of it: what another call has renewed meanwhile stays.
 */
export async function expiredKeys<Value>(
  { prefix, own, isExpired }: Sweep<Value>,
  call: Pick<Call, 'store'>,
  reads: Reads,
): Promise<readonly string[]> {
  const limit = limits.sweep;
  const behind = (await call.store.range(prefix, { after: own, limit })).entries;
  const wrapped =
    behind.length < limit
      ? (await call.store.range(prefix, { limit: limit - behind.length })).entries
      : [];
  const expired = new Set<string>();
  for (const { key, value } of [...behind, ...wrapped]) {
    if (key === own || !isExpired(JSON.parse(value) as Value)) continue;
    const found = await reads.get<Value>(key);
    if (found !== undefined && isExpired(found.value)) expired.add(key);
  }
  return [...expired];
}
