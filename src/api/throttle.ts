import { limits } from '../limits.ts';
import type { Action } from './actions/action.ts';
import { ApiError } from './errors.ts';
import { networkOf } from './peer.ts';

/** `documented`: what each action says; `off`; or the same two numbers for every action. */
export type ThrottleSetting =
  | 'documented'
  | 'off'
  | { readonly perApi: number; readonly perAccount: number };

/**
 * The calls of the last second, so that no second has more than its number, whenever it begins: a
 * token bucket would let through twice as many at first. It holds as many times as calls were
 * admitted, and forgets those that are over.
 */
class Window {
  readonly #most: number;
  readonly #spanMs: number;
  /** Unix milliseconds of calls, oldest first, from `#first` on. */
  #times: number[] = [];
  #first = 0;

  /** @param perSecond below 1: one call at a time, each so much later than the one before */
  constructor(perSecond: number) {
    this.#most = Math.max(1, Math.floor(perSecond));
    this.#spanMs = (this.#most / perSecond) * 1_000;
  }

  /** Milliseconds until a call fits; 0 = now. */
  wait(now: number): number {
    // A clock that was set back begins anew: what it counted is not of its last second.
    if ((this.#times.at(-1) ?? now) > now) this.#forget(this.#times.length);
    let first = this.#first;
    while (first < this.#times.length && this.#times[first]! + this.#spanMs <= now) first += 1;
    this.#forget(first);
    if (this.#times.length - this.#first < this.#most) return 0;
    return Math.max(1, Math.ceil(this.#times[this.#first]! + this.#spanMs - now));
  }

  add(now: number): void {
    this.#times.push(now);
  }

  /** Drops what is before `first`; the list moves up only when half of it is over. */
  #forget(first: number): void {
    this.#first = first;
    if (first * 2 <= this.#times.length) return;
    this.#times = this.#times.slice(first);
    this.#first = 0;
  }
}

/**
 * Calls a second of each action, over all and for each account; and, apart from these, refusals a
 * second of each address that calls without proof.
 */
export class Throttle {
  readonly #setting: ThrottleSetting;
  readonly #now: () => number;
  readonly #windows = new Map<string, Window>();
  readonly #strangers = new Map<string, Window>();
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
    const mine = windowOf(this.#windows, `${name}:${account}`, perAccount);
    const all = windowOf(this.#windows, name, perApi);
    const now = this.#now();
    refuseFor('Throttling.User', mine.wait(now));
    refuseFor('Throttling.Api', all.wait(now));
    mine.add(now);
    all.add(now);
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
    const wait = windowOf(this.#strangers, network, limits.unprovenCalls).wait(this.#now());
    if (wait > 0 && !this.#proven.has(`${network} ${accessKeyId}`))
      throw denied('Throttling', wait);
  }

  /**
   * Counts one call that was refused before its signature held, which costs no account anything
   * and its address alone.
   * @returns the refusal, or Throttling in its place when the address has had too many
   */
  refuse(sourceIp: string, refusal: ApiError): ApiError {
    if (this.#setting === 'off' || refusal.status >= 500) return refusal;
    const window = windowOf(this.#strangers, networkOf(sourceIp), limits.unprovenCalls);
    const now = this.#now();
    const wait = window.wait(now);
    if (wait > 0) return denied('Throttling', wait);
    window.add(now);
    return refusal;
  }
}

function windowOf(windows: Map<string, Window>, key: string, perSecond: number): Window {
  const found = windows.get(key);
  if (found !== undefined) return found;
  if (windows.size >= limits.throttleBuckets) windows.clear();
  const fresh = new Window(perSecond);
  windows.set(key, fresh);
  return fresh;
}

type Denial = 'Throttling' | 'Throttling.User' | 'Throttling.Api';

function denied(code: Denial, waitMs: number): ApiError {
  return new ApiError(code, { retryAfterMs: waitMs });
}

/** @throws ApiError when there is a wait */
function refuseFor(code: Denial, waitMs: number): void {
  if (waitMs > 0) throw denied(code, waitMs);
}
