import { hash } from 'node:crypto';
import { limits } from '../limits.ts';

/**
 * Nonces that verified requests have used, by access key, kept as long as a timestamp can count
 * (the clock skew either way). Two generations of that life keep forgetting O(1). None is forgotten
 * before its time, since its request could then be repeated: a key with too many has to wait.
 */
export class Nonces {
  readonly #now: () => number;
  #turned: number;
  #recent = new Map<string, Set<string>>();
  #older = new Map<string, Set<string>>();
  /** Of the two. */
  #counts = { recent: 0, older: 0 };

  /** @param now Unix milliseconds */
  constructor(now: () => number) {
    this.#now = now;
    this.#turned = now();
  }

  /**
   * Whether a key has to wait: it has as many as one may have, or there are as many as fit and it
   * has more than its share. Look before `use`: what is refused must use up no nonce.
   */
  isFull(accessKeyId: string): boolean {
    this.#turn();
    const used = this.#recent.get(accessKeyId)?.size ?? 0;
    if (used >= limits.noncesPerKey) return true;
    const { recent, older } = this.#counts;
    return recent + older >= limits.nonces && used * this.#recent.size >= limits.nonces;
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
    this.#counts.recent += 1;
    return true;
  }

  /** A nonce lives for one to two generations; one is the longest life a timestamp can have. */
  #turn(): void {
    const generation = 2 * limits.clockSkew;
    const age = this.#now() - this.#turned;
    if (age < generation) return;
    const isNext = age < 2 * generation;
    this.#older = isNext ? this.#recent : new Map();
    this.#recent = new Map();
    this.#counts = { recent: 0, older: isNext ? this.#counts.recent : 0 };
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
