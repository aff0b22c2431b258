import { hash } from 'node:crypto';
import { limits } from '../limits.ts';

/**
 * Nonces that verified requests have used, by access key, kept as long as a timestamp can count
 * (the clock skew either way). Two generations of that life keep forgetting O(1). A key that
 * makes more than `limits.noncesPerKey` calls in a generation loses its oldest nonces first.
 */
export class Nonces {
  readonly #now: () => number;
  #turned: number;
  #recent = new Map<string, Set<string>>();
  #older = new Map<string, Set<string>>();

  /** @param now Unix milliseconds */
  constructor(now: () => number) {
    this.#now = now;
    this.#turned = now();
  }

  /** Records a nonce; false when the key has used it before. Call it for verified requests only. */
  use(accessKeyId: string, nonce: string): boolean {
    this.#turn();
    const mark = shorten(nonce);
    if (this.#older.get(accessKeyId)?.has(mark)) return false;
    let used = this.#recent.get(accessKeyId);
    if (used === undefined) {
      used = new Set();
      this.#recent.set(accessKeyId, used);
    }
    if (used.has(mark)) return false;
    used.add(mark);
    if (used.size > limits.noncesPerKey) used.delete(used.values().next().value!);
    return true;
  }

  /** A nonce lives for one to two generations; one is the longest life a timestamp can have. */
  #turn(): void {
    const generation = 2 * limits.clockSkew;
    const age = this.#now() - this.#turned;
    if (age < generation) return;
    this.#older = age < 2 * generation ? this.#recent : new Map();
    this.#recent = new Map();
    this.#turned = this.#now();
  }
}

/**
 * 72 bits of the nonce's hash. A nonce may be long, and cut out of a query it would keep the whole
 * query in memory; 12 signs are copied.
 */
function shorten(nonce: string): string {
  return hash('sha256', nonce, 'base64').slice(0, 12);
}
