import { limits } from '../limits.ts';
import type { Action } from './actions/action.ts';
import { ApiError } from './errors.ts';

/** `documented`: what each action says; `off`; or the same two numbers for every action. */
export type ThrottleSetting =
  | 'documented'
  | 'off'
  | { readonly perApi: number; readonly perAccount: number };

interface Bucket {
  tokens: number;
  filled: number;
}

/** Token buckets: calls a second of each action, over all and for each account. */
export class Throttle {
  readonly #setting: ThrottleSetting;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(setting: ThrottleSetting, now: () => number) {
    this.#setting = setting;
    this.#now = now;
  }

  /**
   * Counts one call whose signature held.
   * @throws ApiError Throttling.User, Throttling.Api with the milliseconds until a call fits
   */
  admit(account: string, action: Pick<Action, 'name' | 'product' | 'limits'>): void {
    if (this.#setting === 'off') return;
    const { perApi, perAccount } = this.#setting === 'documented' ? action.limits : this.#setting;
    const name = `${action.product}:${action.name}`;
    const mine = this.#bucket(`${name}:${account}`, perAccount);
    const all = this.#bucket(name, perApi);
    if (mine.tokens < 1) throw denied('Throttling.User', mine, perAccount);
    if (all.tokens < 1) throw denied('Throttling.Api', all, perApi);
    mine.tokens -= 1;
    all.tokens -= 1;
  }

  /** The bucket as it stands now; it holds one second's worth (at least 1) and fills evenly. */
  #bucket(key: string, perSecond: number): Bucket {
    const now = this.#now();
    const most = Math.max(1, perSecond);
    const found = this.#buckets.get(key);
    if (found === undefined) {
      if (this.#buckets.size >= limits.throttleBuckets) this.#buckets.clear();
      const fresh = { tokens: most, filled: now };
      this.#buckets.set(key, fresh);
      return fresh;
    }
    const gained = (Math.max(0, now - found.filled) / 1000) * perSecond;
    found.tokens = Math.min(most, found.tokens + gained);
    found.filled = now;
    return found;
  }
}

function denied(code: 'Throttling.User' | 'Throttling.Api', bucket: Bucket, perSecond: number) {
  return new ApiError(code, {
    retryAfterMs: Math.max(1, Math.ceil(((1 - bucket.tokens) / perSecond) * 1000)),
  });
}
