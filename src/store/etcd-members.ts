import {
  type Endpoint,
  EtcdRefusal,
  type EtcdTls,
  type Headers,
  openEndpoint,
  post,
} from './etcd-wire.ts';

export interface Request {
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

export interface MembersTiming {
  readonly connectMs: number;
  readonly requestMs: number;
  /** A repeatable request goes to one more member each time that this passes without an answer. */
  readonly hedgeMs: number;
  /** A member that has answered within this takes a single request without a check. */
  readonly freshMs: number;
}

/** Answered by every member on its own, by any user, and by none that is frozen. */
const check: Request = {
  path: '/v3/maintenance/status',
  headers: { 'content-type': 'application/json' },
  body: '{}',
};

/**
 * The members of a cluster: one serves until another turns out to be faster. A frozen member keeps
 * its connections and answers nothing, so only silence tells of it.
 */
export class Members {
  readonly #timing: MembersTiming;
  readonly #endpoints: readonly Endpoint[];
  #current = 0;
  /** When each last answered, in milliseconds of performance.now. */
  readonly #answeredAt = new Map<Endpoint, number>();
  readonly #streams = new Map<Endpoint, AbortController>();

  constructor(origins: readonly string[], tls: EtcdTls, timing: MembersTiming) {
    this.#timing = timing;
    this.#endpoints = origins.map((origin) => openEndpoint(origin, tls, timing.connectMs));
  }

  get count(): number {
    return this.#endpoints.length;
  }

  get current(): Endpoint {
    return this.#endpoints[this.#current] as Endpoint;
  }

  /** Aborts when another member has taken over for being faster: a stream may be frozen there. */
  replaced(endpoint: Endpoint): AbortSignal {
    const controller = this.#streams.get(endpoint) ?? new AbortController();
    this.#streams.set(endpoint, controller);
    return controller.signal;
  }

  /** Takes the next member from now on, unless another request has done so already. */
  leave(endpoint: Endpoint): void {
    if (this.current === endpoint) this.#current = (this.#current + 1) % this.count;
  }

  /**
   * A request that may be carried out by several members: it goes to the current one, and to one
   * more each time that one fails or is silent for timing.hedgeMs. The first answer counts.
   * @throws EtcdRefusal, or the last error when none answered
   */
  first<Answer>(request: Request): Promise<Answer> {
    const { hedgeMs, requestMs } = this.#timing;
    const start = this.#current;
    const over = new AbortController();
    return new Promise((resolve, reject) => {
      let started = 0;
      let failed = 0;
      let isSettled = false;
      let timer: NodeJS.Timeout | undefined;
      const settle = (act: () => void) => {
        if (isSettled) return;
        isSettled = true;
        clearTimeout(timer);
        act();
        // The one that answered is through; only others need an end.
        if (started - failed > 1) over.abort();
      };
      const lost = (error: unknown) => {
        failed += 1;
        if (error instanceof EtcdRefusal || failed === this.count) settle(() => reject(error));
        else if (failed === started && !isSettled) next();
      };
      const next = () => {
        clearTimeout(timer);
        const endpoint = this.#endpoints[(start + started) % this.count] as Endpoint;
        started += 1;
        timer =
          started < this.count
            ? setTimeout(next, hedgeMs)
            : setTimeout(() => over.abort(new Error(`silent for ${requestMs} ms`)), requestMs);
        this.#post<Answer>(endpoint, request, over.signal).then(
          (answer) =>
            settle(() => {
              resolve(answer);
              this.#serveFrom(endpoint);
            }),
          lost,
        );
      };
      next();
    });
  }

  /**
   * A request that one member alone may get, once: one that has just shown that it answers.
   * @param onSend called when it goes out: an error before that means that nothing was sent
   * @throws EtcdRefusal, or any other error when no answer came
   */
  async single<Answer>(request: Request, onSend: (to: Endpoint) => void): Promise<Answer> {
    const age =
      performance.now() - (this.#answeredAt.get(this.current) ?? Number.NEGATIVE_INFINITY);
    if (age > this.#timing.freshMs) await this.first(check);
    const endpoint = this.current;
    onSend(endpoint);
    return this.#post(endpoint, request, AbortSignal.timeout(this.#timing.requestMs));
  }

  /** Lets calls finish, breaks streams off. */
  async close(): Promise<void> {
    const endings = this.#endpoints.flatMap(({ calls, streams }) => [
      calls.close(),
      streams.destroy(),
    ]);
    await Promise.all(endings);
  }

  async #post<Answer>(endpoint: Endpoint, request: Request, signal: AbortSignal): Promise<Answer> {
    try {
      const answer = await post<Answer>(endpoint, request, signal);
      this.#answeredAt.set(endpoint, performance.now());
      return answer;
    } catch (error) {
      if (error instanceof EtcdRefusal) this.#answeredAt.set(endpoint, performance.now());
      throw error;
    }
  }

  #serveFrom(endpoint: Endpoint): void {
    const before = this.current;
    if (before === endpoint) return;
    this.#current = this.#endpoints.indexOf(endpoint);
    this.#streams.get(before)?.abort(new Error('another member of etcd answers sooner'));
    this.#streams.delete(before);
  }
}
