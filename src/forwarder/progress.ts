import { everyLoadBalancer, type ReportFailure, type SiteReport } from '../fleet/protocol.ts';
import { limits } from '../limits.ts';

type Applied = NonNullable<SiteReport['applied']>;

/** How far one site has come on this forwarder's engine. */
export class Progress {
  #held = 0;
  #applied = 0;
  /** Load balancer -> the earliest revision of it that is not settled; revisions only rise. */
  readonly #unsettled = new Map<string, number>();
  /** Settled at a revision that the site as a whole has not reached. */
  readonly #ahead = new Map<string, number>();
  readonly #failures = new Map<string, readonly ReportFailure[]>();

  /** The engine must do something about a load balancer, for a revision not before `since`. */
  begin(loadBalancerId: string, since: number): void {
    if (!this.#unsettled.has(loadBalancerId)) this.#unsettled.set(loadBalancerId, since);
  }

  /** True when nothing waits for the engine. */
  get settled(): boolean {
    return this.#unsettled.size === 0;
  }

  /** Everything that this revision asks for has begun. */
  hold(revision: number): void {
    this.#held = revision;
    this.#rise();
  }

  /**
   * The engine was read back, and is as wanted but for `failures`.
   * @returns whether that is news
   */
  settle(loadBalancerId: string, revision: number, failures: readonly ReportFailure[]): boolean {
    const known = this.#failures.has(loadBalancerId);
    this.fail(loadBalancerId, failures);
    const begun = this.#unsettled.delete(loadBalancerId);
    this.#rise();
    if (revision > this.#applied && this.#ahead.size < limits.reportedAhead) {
      this.#ahead.set(loadBalancerId, revision);
    }
    return begun || known || failures.length > 0;
  }

  /** Says that a load balancer is not as wanted, without settling it; none = it is. */
  fail(loadBalancerId: string, failures: readonly ReportFailure[]): void {
    if (failures.length > 0) this.#failures.set(loadBalancerId, failures);
    else this.#failures.delete(loadBalancerId);
  }

  /**
   * What can be said of the site: the highest revision up to which everything was read back.
   * @param more failures that are no matter of the engine
   */
  report(more: readonly ReportFailure[]): Applied {
    const failures = [...more, ...[...this.#failures.values()].flat()].map(shortened);
    const many = failures.length > limits.reportedFailures;
    return {
      revision: this.#applied,
      failures: many ? [shortened(summary(failures))] : failures,
      ...(this.#ahead.size > 0 ? { ahead: Object.fromEntries(this.#ahead) } : {}),
    };
  }

  #rise(): void {
    const [oldest] = this.#unsettled.values();
    const reached = oldest === undefined ? this.#held : oldest - 1;
    if (reached <= this.#applied) return;
    this.#applied = reached;
    for (const [id, revision] of this.#ahead) if (revision <= reached) this.#ahead.delete(id);
  }
}

/** Too many to name: one failure that stands for all, so that nothing seems well that is not. */
function summary(failures: readonly ReportFailure[]): ReportFailure {
  const first = failures[0]!;
  const reason = `${failures.length} failures; ${first.loadBalancerId}: ${first.reason}`;
  return { loadBalancerId: everyLoadBalancer, reason };
}

/** An engine may have much to say of a refusal; a report has room for the beginning. */
function shortened(failure: ReportFailure): ReportFailure {
  return { ...failure, reason: failure.reason.slice(0, limits.reportReason) };
}
