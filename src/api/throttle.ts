import { formatAddress, parseAddress } from '../elb/cidr.ts';
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

/**
 * Token buckets: calls a second of each action, over all and for each account; and, apart from
 * these, refusals a second of each address that calls without proof.
 */
export class Throttle {
  readonly #setting: ThrottleSetting;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();
  readonly #strangers = new Map<string, Bucket>();

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

  /**
   * Counts one call that was refused before its signature held, which costs no account anything
   * and its address alone. A call that proves who it is always passes, so that nobody is locked
   * out by another's calls from the same address.
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

/** A caller by IPv6 has a whole /64 to call from. */
function networkOf(sourceIp: string): string {
  const { bits, value } = parseAddress(sourceIp) ?? {};
  return bits === 128 ? formatAddress(bits, (value! >> 64n) << 64n) : sourceIp;
}

type Denial = 'Throttling' | 'Throttling.User' | 'Throttling.Api';

function denied(code: Denial, bucket: Bucket, perSecond: number) {
  return new ApiError(code, {
    retryAfterMs: Math.max(1, Math.ceil(((1 - bucket.tokens) / perSecond) * 1000)),
  });
}
