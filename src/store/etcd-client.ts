import { setTimeout as delay } from 'node:timers/promises';
import { limits } from '../limits.ts';
import { Members, type MembersTiming, type Request } from './etcd-members.ts';
import {
  type Endpoint,
  EtcdRefusal,
  type EtcdTls,
  failureOf,
  grpc,
  type Headers,
  mayHaveArrived,
  readLines,
} from './etcd-wire.ts';
import { StoreUnavailable } from './store.ts';

export interface EtcdClientOptions {
  /** Origins such as `http://10.0.0.1:2379`. */
  readonly endpoints: readonly string[];
  readonly user?: string;
  readonly password?: string;
  readonly tls?: EtcdTls;
  readonly timing?: Partial<EtcdTiming>;
}

/** From limits by default. */
export interface EtcdTiming extends MembersTiming {
  /** How long endpoints are tried in turn before a call fails. */
  readonly patienceMs: number;
  readonly watchPatienceMs: number;
  readonly watchSilenceMs: number;
}

/** A repeatable request may be sent again after an answer was lost; a single one may not. */
export type Effect = 'repeatable' | 'single';

/** Speaks etcd's JSON gateway: https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/ */
export class EtcdClient {
  readonly timing: EtcdTiming;
  readonly #options: EtcdClientOptions;
  readonly #members: Members;
  #token: Promise<string> | undefined;

  constructor(options: EtcdClientOptions) {
    this.#options = options;
    this.timing = {
      connectMs: limits.etcdConnect,
      requestMs: limits.etcdRequest,
      hedgeMs: limits.etcdHedge,
      freshMs: limits.etcdFresh,
      patienceMs: limits.etcdPatience,
      watchPatienceMs: limits.etcdWatchPatience,
      watchSilenceMs: limits.etcdWatchSilence,
      ...options.timing,
    };
    this.#members = new Members(options.endpoints, options.tls ?? {}, this.timing);
  }

  /**
   * One request and its JSON answer, from whichever endpoint gives one.
   * @throws EtcdRefusal, or StoreUnavailable when no endpoint answered for timing.patienceMs or
   *   when a single request may or may not have been carried out
   */
  async call<Answer>(path: string, body: object, effect: Effect): Promise<Answer> {
    const text = JSON.stringify(body);
    const headers = await this.#headers();
    try {
      return await this.#callAny<Answer>({ path, headers, body: text }, effect);
    } catch (error) {
      if (!this.#forgetToken(error)) throw error;
      const renewed = await this.#headers();
      return this.#callAny<Answer>({ path, headers: renewed, body: text }, effect);
    }
  }

  /**
   * A streamed answer of the current endpoint, one object a line, until it ends. Breaks off when
   * the first line takes longer than timing.requestMs or a later one than timing.watchSilenceMs;
   * time that the consumer takes does not count.
   * @throws EtcdRefusal, or any other error when the stream broke
   */
  async *stream<Answer>(
    path: string,
    body: object,
    signal: AbortSignal,
  ): AsyncGenerator<Answer, void, undefined> {
    const headers = { ...(await this.#headers()), ...requireLeader };
    const endpoint = this.#members.current;
    const silence = new Silence(AbortSignal.any([signal, this.#members.replaced(endpoint)]));
    let waitMs = this.timing.requestMs;
    try {
      silence.expect(waitMs);
      const request = { path, headers, body: JSON.stringify(body), signal: silence.signal };
      const response = await endpoint.streams.request({ ...request, method: 'POST' });
      if (response.statusCode !== 200) throw failureOf(await response.body.text());
      for await (const line of readLines(response.body, () => silence.expect(waitMs))) {
        silence.calm();
        const { result, error } = JSON.parse(line) as { result?: Answer; error?: unknown };
        if (result === undefined) throw failureOf(JSON.stringify(error));
        yield result;
        waitMs = this.timing.watchSilenceMs;
        silence.expect(waitMs);
      }
    } catch (error) {
      this.#forgetToken(error);
      if (!signal.aborted) this.#members.leave(endpoint);
      throw error;
    } finally {
      silence.calm();
    }
  }

  /** Lets calls finish, breaks streams off. */
  close(): Promise<void> {
    return this.#members.close();
  }

  async #callAny<Answer>(request: Request, effect: Effect): Promise<Answer> {
    const deadline = performance.now() + this.timing.patienceMs;
    for (let attempt = 1; ; attempt++) {
      let sentTo: Endpoint | undefined;
      try {
        if (effect === 'repeatable') return await this.#members.first<Answer>(request);
        return await this.#members.single<Answer>(request, (endpoint) => {
          sentTo = endpoint;
        });
      } catch (error) {
        if (error instanceof EtcdRefusal) throw error;
        if (sentTo !== undefined) this.#members.leave(sentTo);
        if (sentTo !== undefined && mayHaveArrived(error)) {
          throw unavailable('the answer of etcd was lost', 'unknown', error);
        }
        if (performance.now() > deadline) {
          throw unavailable('etcd does not answer', 'nothing-changed', error);
        }
      }
      // A single request has met one member only; the next may be well.
      const rounds = effect === 'repeatable' ? attempt : attempt / this.#members.count;
      if (Number.isInteger(rounds)) await delay(backoffMs(rounds));
    }
  }

  /** Logs in where a user is given; the token serves until an endpoint no longer takes it. */
  async #headers(): Promise<Headers> {
    const { user, password } = this.#options;
    if (user === undefined) return contentType;
    this.#token ??= this.#login(user, password ?? '');
    return { ...contentType, authorization: await this.#token };
  }

  async #login(name: string, password: string): Promise<string> {
    const request = {
      path: '/v3/auth/authenticate',
      headers: contentType,
      body: JSON.stringify({ name, password }),
    };
    try {
      return (await this.#callAny<{ token: string }>(request, 'repeatable')).token;
    } catch (error) {
      this.#token = undefined;
      throw error;
    }
  }

  /** Whether the failure was about the token, so that a new one may help. */
  #forgetToken(error: unknown): boolean {
    const stale = error instanceof EtcdRefusal && error.code === grpc.unauthenticated;
    if (!stale || this.#token === undefined) return false;
    this.#token = undefined;
    return true;
  }
}

const contentType: Headers = { 'content-type': 'application/json' };
/** A member cut off from its cluster then ends a stream instead of going silent. */
const requireLeader: Headers = { 'grpc-metadata-hasleader': 'true' };

/** Milliseconds before the next attempt, doubling from limits.etcdBackoff. */
export function backoffMs(attempt: number): number {
  return Math.min(limits.etcdBackoff * 2 ** (attempt - 1), limits.etcdBackoffMax);
}

/** The error of a store that cannot be reached, with its reason in the message. */
export function unavailable(
  what: string,
  outcome: StoreUnavailable['outcome'],
  cause: unknown,
): StoreUnavailable {
  const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new StoreUnavailable(`${what}: ${reason}`, outcome, { cause });
}

/** Aborts a stream on which nothing is heard in time. */
class Silence {
  readonly signal: AbortSignal;
  readonly #own = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(outer: AbortSignal) {
    this.signal = AbortSignal.any([outer, this.#own.signal]);
  }

  expect(withinMs: number): void {
    this.calm();
    const fall = () => this.#own.abort(new Error(`nothing heard for ${withinMs} ms`));
    this.#timer = setTimeout(fall, withinMs);
  }

  calm(): void {
    clearTimeout(this.#timer);
  }
}
