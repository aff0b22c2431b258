import { limits } from '../limits.ts';

/**
 * Nonces that verified requests have used, by access key, kept as long as a timestamp can count
 * (the clock skew either way). Two generations of half that life keep forgetting O(1).
 */
export class Nonces {
  readonly #now: () => number;
  #turned: number;
  #recent = new Map<string, Set<string>>();
  #older = new Map<string, Set<string>>();

  constructor(now: () => number) {
    this.#now = now;
    this.#turned = now();
  }

  /** Records a nonce; false when the key has used it before. Call it for verified requests only. */
  use(accessKeyId: string, nonce: string): boolean {
    this.#turn();
    if (this.#older.get(accessKeyId)?.has(nonce)) return false;
    let used = this.#recent.get(accessKeyId);
    if (used === undefined) {
      used = new Set();
      this.#recent.set(accessKeyId, used);
    }
    if (used.has(nonce)) return false;
    used.add(nonce);
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
