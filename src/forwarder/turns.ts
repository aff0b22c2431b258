/** Gives each load balancer's verbs their turns: one comes after the other, others at once. */
export class Turns {
  /** The last verb of each load balancer. */
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `verb` once those before it have ended, however they did. */
  async take<T>(loadBalancerId: string, verb: () => Promise<T>): Promise<T> {
    const before = this.#last.get(loadBalancerId) ?? Promise.resolve();
    const turn = before.then(verb, verb);
    this.#last.set(loadBalancerId, turn);
    try {
      return await turn;
    } finally {
      if (this.#last.get(loadBalancerId) === turn) this.#last.delete(loadBalancerId);
    }
  }

  /** Waits for those under way; how they end is their callers' to know. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#last.values());
  }
}
