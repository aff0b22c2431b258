import { limits } from '../limits.ts';
import type { Commit } from './store.ts';

/** Orders keys by the bytes of their UTF-8, as both engines do: negative, 0 or positive. */
export function compareKeys(left: string, right: string): number {
  return left === right ? 0 : Buffer.compare(Buffer.from(left), Buffer.from(right));
}

/** The first key behind `key` itself. */
export function keyAfter(key: string): string {
  return `${key}\0`;
}

/**
 * The first key behind all that start with `prefix`; undefined when there is none (an empty
 * prefix). Counts in code points, whose order is that of their UTF-8 bytes.
 */
export function prefixEnd(prefix: string): string | undefined {
  const characters = Array.from(prefix);
  for (let last = characters.pop(); last !== undefined; last = characters.pop()) {
    const next = nextCodePoint(last.codePointAt(0) as number);
    if (next !== undefined) return characters.join('') + String.fromCodePoint(next);
  }
  return undefined;
}

/** Where a page of `prefix` begins: at the prefix, or behind the last key of the page before. */
export function pageStart(prefix: string, after: string | undefined): string {
  if (after === undefined || compareKeys(after, prefix) < 0) return prefix;
  return keyAfter(after);
}

/**
 * Refuses a commit that no engine could carry out as it is written.
 * @throws TypeError for an empty or ill-formed key, a key written twice, or too many keys
 */
export function checkCommit({ ifRevision, puts, deletes }: Commit): void {
  if (puts.length + deletes.length > limits.commitKeys || ifRevision.size > limits.commitKeys) {
    throw new TypeError(`a commit writes and checks at most ${limits.commitKeys} keys each`);
  }
  const written = new Set<string>(deletes);
  for (const { key } of puts) written.add(key);
  if (written.size < puts.length + deletes.length) {
    throw new TypeError('a commit writes each of its keys once');
  }
  for (const key of written) checkKey(key);
  for (const key of ifRevision.keys()) checkKey(key);
}

/** @throws TypeError for a key that is empty or no well-formed Unicode */
export function checkKey(key: string): void {
  if (key === '' || !key.isWellFormed()) throw new TypeError('a key is non-empty Unicode text');
}

function nextCodePoint(point: number): number | undefined {
  if (point === 0x10ffff) return undefined;
  return point === 0xd7ff ? 0xe000 : point + 1;
}
