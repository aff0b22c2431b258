import type { Certificate, Instance, LoadBalancer, Network, Site, VSwitch } from '../elb/types.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { AttachedPolicy } from '../ram/evaluate.ts';
import type { Policy, PolicyKind } from '../ram/policy.ts';
import type { Stored } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import type { Boundary } from './boundary.ts';
import type { Diagnosis } from './diagnoses.ts';
import type { Live } from './live/live.ts';
import type { SealName } from './trail/chain.ts';
import type { Proof } from './trail/proof.ts';

export type { Stored };

/** On whose behalf a call is made. */
export type Principal =
  | { readonly kind: 'root' }
  | { readonly kind: 'forwarder'; readonly site: string; readonly name: string }
  | { readonly kind: 'user'; readonly id: string; readonly name: string }
  | {
      readonly kind: 'role';
      readonly id: string;
      readonly name: string;
      /** The RoleSessionName of AssumeRole. */
      readonly session: string;
    };

/** A principal that policies are attached to, by its id. */
export type PolicyHolder = Pick<Extract<Principal, { readonly id: string }>, 'kind' | 'id'>;

/** Who is calling: proven by the signature. */
export interface Caller {
  readonly account: string;
  readonly accessKeyId: string;
  readonly principal: Principal;
  /** Of a role's session: the policy that narrows what the role may. */
  readonly sessionPolicy?: string;
  readonly sourceIp: string;
  readonly userAgent: string;
  /** The call came over TLS. */
  readonly secure: boolean;
}

/** The request headers `x-sluice-…`, parsed and bounded. */
export interface Extensions {
  readonly ifRevision?: number;
  readonly dryRun: boolean;
  readonly drainSeconds?: number;
  /** Milliseconds; 0 = do not wait. */
  readonly confirmWait?: number;
  /** Of DeregisterForwarder: the machine will not come back. */
  readonly gone?: boolean;
}

/** The answer headers that an action sets. */
export interface AnswerHeaders {
  revision?: number;
  /** `2/3`: forwarders that confirmed / forwarders that may serve the site. */
  applied?: string;
  /** Who has not confirmed, and why; what else a caller should know of the answer. */
  detail?: string;
  /** Servers named but not attached. */
  ignored?: readonly string[];
  /** Of a dry run: what each forwarder would do. Travels in the body, as `DryRun.Commands`. */
  commands?: readonly string[];
}

/** What a control plane knows of its audit log besides what the store has. */
export interface Trail {
  readonly proof: Proof;
  /** The newest seal that it has seen. */
  readonly newest: () => SealName;
}

/** Opens a secret of the store and seals it for one holder of an access key, same context. */
export type Reseal = (sealed: string, context: string) => string;

/** Everything one transaction wants written. */
export interface Writes<Result> {
  readonly puts?: ReadonlyMap<string, unknown>;
  readonly deletes?: readonly string[];
  readonly result: Result;
}

/** Reads inside a transaction: each is a condition of its commit. */
export interface Reads {
  get<T>(key: string): Promise<Stored<T> | undefined>;
}

/** What a rule makes of a load balancer. */
export interface LoadBalancerChange {
  readonly next: LoadBalancer;
  readonly ignored?: readonly string[];
}

/** Pure: may run again on a newer value when another commit came between. */
export type LoadBalancerRule = (current: LoadBalancer) => LoadBalancerChange;

/** A rule, and other records that are written along with what it makes. */
export interface GroundedRule {
  readonly rule: LoadBalancerRule;
  readonly puts?: ReadonlyMap<string, unknown>;
}

/**
 * One call under way: who, when, and the few ways an action may read and write. Writing goes
 * through `changeLoadBalancer(After)` and `transact` alone, so that every commit carries its audit
 * record, honours `x-sluice-dry-run` and `x-sluice-if-revision`, and is retried when another
 * commit came between.
 */
export interface Call {
  readonly action: string;
  readonly requestId: string;
  readonly caller: Caller;
  readonly extensions: Extensions;
  readonly answer: AnswerHeaders;
  /** Aborts when the caller has left. */
  readonly signal: AbortSignal;
  readonly store: Store;
  readonly fleet: Fleet;
  readonly live: Live;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** What forwarders of a new site do that reach no control plane. */
  readonly newSitesIsolation: 'serve' | 'fence';
  /** A fresh id such as `lb-5…` (the first character after the dash names the cell). */
  readonly newId: (prefix: string) => string;
  /** Seals a secret for storage, bound to `context` (AES-256-GCM). */
  readonly seal: (secret: string, context: string) => string;
  /** What the caller's account may be told of a diagnostic message; undefined when it is none. */
  readonly diagnosisOf: (message: string) => Diagnosis | undefined;
  /** What decides the calls of a user or a role of the caller's account. */
  readonly policiesOf: (holder: PolicyHolder) => readonly AttachedPolicy[];
  /** What of a policy of the caller's account can match no call, in a sentence. */
  readonly policyFault: (policy: Policy, kind: PolicyKind) => string | undefined;
  /** The RAM resource as a call on it has it, with its site. */
  readonly placed: (resource: string) => Promise<string>;
  readonly trail: Trail;
  /** Where load balancers and servers may be. */
  readonly boundary: Boundary;
  /** The call has committed an audit record. */
  readonly recorded: boolean;
  /** What seals stored secrets for the caller, by a key that only its access key secret gives. */
  readonly resealForCaller: () => Promise<Reseal>;

  /** Throws LoadBalancerNotFound when it does not exist or belongs to another account. */
  loadBalancer(id: string): Promise<Stored<LoadBalancer>>;
  /** The same records, undefined when absent or another account's. */
  site(id: string): Promise<Stored<Site> | undefined>;
  network(id: string): Promise<Stored<Network> | undefined>;
  vSwitch(id: string): Promise<Stored<VSwitch> | undefined>;
  instance(id: string): Promise<Stored<Instance> | undefined>;
  certificate(id: string): Promise<Stored<Certificate> | undefined>;
  /** Every record of the caller's account under a prefix, parsed, in key order. */
  list<T>(prefix: string): AsyncIterable<Stored<T>>;

  /**
   * Applies `rule` to a load balancer and commits what it returns, with the audit record, unless
   * it returns the value it was given (then only the audit record is written). Waits for the
   * forwarders as the call's confirm wait says; sets revision, applied and ignored in `answer`.
   * In a dry run nothing is written and the engine commands go into the answer.
   * @returns the load balancer as it stands after the call
   */
  changeLoadBalancer(id: string, rule: LoadBalancerRule): Promise<LoadBalancer>;

  /**
   * The same by a rule that rests on other records: what `look` reads must still stand when the
   * change commits, else it looks again (bounded; then OperationConflict).
   */
  changeLoadBalancerAfter(
    id: string,
    look: (reads: Reads) => Promise<GroundedRule>,
  ): Promise<LoadBalancer>;

  /**
   * Runs `body` as one optimistic transaction: what it read must still stand when its writes
   * commit, else it is run again (bounded; then OperationConflict). Values are stored as JSON.
   */
  transact<Result>(body: (reads: Reads) => Promise<Writes<Result>>): Promise<Result>;
}
