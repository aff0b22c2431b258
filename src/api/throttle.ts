import { limits } from '../limits.ts';
import type { Action } from './actions/action.ts';
import { ApiError } from './errors.ts';
import { networkOf } from './peer.ts';

/** `documented`: what each action says; `off`; or the same two numbers for every action. */
export type ThrottleSetting =
  | 'documented'
  | 'off'
  | { readonly perApi: number; readonly perAccount: number };

interface Bucket {
  tokens: number;
  filled: number;
}

/**
 * Token buckets: calls a second of each action, over all and for each account; and, apart from
 * these, refusals a second of each address that calls without proof.
 */
export class Throttle {
  readonly #setting: ThrottleSetting;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();
  readonly #strangers = new Map<string, Bucket>();
  /** Addresses and the keys whose signatures have held there. */
  readonly #proven = new Set<string>();

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
    const mine = this.#bucket(this.#buckets, `${name}:${account}`, perAccount);
    const all = this.#bucket(this.#buckets, name, perApi);
    if (mine.tokens < 1) throw denied('Throttling.User', mine, perAccount);
    if (all.tokens < 1) throw denied('Throttling.Api', all, perApi);
    mine.tokens -= 1;
    all.tokens -= 1;
  }

  /** Notes that a signature of this key has held for a call from this address. */
  prove(sourceIp: string, accessKeyId: string): void {
    const mark = `${networkOf(sourceIp)} ${accessKeyId}`;
    if (this.#proven.has(mark)) return;
    if (this.#proven.size >= limits.provenCallers) this.#proven.clear();
    this.#proven.add(mark);
  }

  /**
   * Lets a call have its signature checked, which costs most of what a refused call does. An
   * address that has used up its refusals is let no further, except with a key that has proven
   * itself from there: so nobody is locked out by another's calls from the same address.
   * @throws ApiError Throttling
   */
  admitUnproven(sourceIp: string, accessKeyId: string): void {
    if (this.#setting === 'off') return;
    const network = networkOf(sourceIp);
    if (!this.#strangers.has(network)) return;
    const bucket = this.#bucket(this.#strangers, network, limits.unprovenCalls);
    if (bucket.tokens >= 1 || this.#proven.has(`${network} ${accessKeyId}`)) return;
    throw denied('Throttling', bucket, limits.unprovenCalls);
  }

  /**
   * Counts one call that was refused before its signature held, which costs no account anything
   * and its address alone.
   * @returns the refusal, or Throttling in its place when the address has had too many
   */
  refuse(sourceIp: string, refusal: ApiError): ApiError {
    if (this.#setting === 'off' || refusal.status >= 500) return refusal;
    const bucket = this.#bucket(this.#strangers, networkOf(sourceIp), limits.unprovenCalls);
    if (bucket.tokens < 1) return denied('Throttling', bucket, limits.unprovenCalls);
    bucket.tokens -= 1;
    return refusal;
  }

  /** The bucket as it stands now; it holds one second's worth (at least 1) and fills evenly. */
  #bucket(buckets: Map<string, Bucket>, key: string, perSecond: number): Bucket {
    const now = this.#now();
    const most = Math.max(1, perSecond);
    const found = buckets.get(key);
    if (found === undefined) {
      if (buckets.size >= limits.throttleBuckets) buckets.clear();
      const fresh = { tokens: most, filled: now };
      buckets.set(key, fresh);
      return fresh;
    }
    const gained = (Math.max(0, now - found.filled) / 1000) * perSecond;
    found.tokens = Math.min(most, found.tokens + gained);
    found.filled = now;
    return found;
  }
}

type Denial = 'Throttling' | 'Throttling.User' | 'Throttling.Api';

function denied(code: Denial, bucket: Bucket, perSecond: number) {
  return new ApiError(code, {
    retryAfterMs: Math.max(1, Math.ceil(((1 - bucket.tokens) / perSecond) * 1000)),
  });
}
