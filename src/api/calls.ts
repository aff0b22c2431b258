import { randomBytes } from 'node:crypto';
import { systemTimers, type Timers } from '../clock.ts';
import { Refusal } from '../elb/refusal.ts';
import type { Certificate, Instance, LoadBalancer, Network, Site, VSwitch } from '../elb/types.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { limits } from '../limits.ts';
import type { Policy, PolicyKind } from '../ram/policy.ts';
import { keys } from '../store/keys.ts';
import { parseRecord } from '../store/records.ts';
import type { Entry, Store, Write } from '../store/store.ts';
import type { Action } from './actions/action.ts';
import { type AuditChange, auditRecord } from './audit-records.ts';
import type { Boundary } from './boundary.ts';
import type {
  AnswerHeaders,
  Call,
  Caller,
  Extensions,
  GroundedRule,
  LoadBalancerRule,
  PolicyHolder,
  Reads,
  Reseal,
  Stored,
  Trail,
  Writes,
} from './call.ts';
import { useChanges } from './certificate-uses.ts';
import { detailOf } from './confirmation-detail.ts';
import type { Diagnoses } from './diagnoses.ts';
import { GroundsChanged, LoadBalancerFold } from './fold.ts';
import type { Identities } from './identities.ts';
import { Live } from './live/live.ts';
import type { LoadBalancerSites } from './load-balancer-sites.ts';
import type { PolicyTargets } from './policy-targets.ts';
import { recordText } from './trail/record-text.ts';

export interface CallsOptions {
  readonly store: Store;
  readonly fleet: Fleet;
  readonly timers?: Timers;
  readonly sites: LoadBalancerSites;
  readonly identities: Pick<Identities, 'policiesOf'>;
  readonly diagnoses: Pick<Diagnoses, 'open'>;
  readonly policyTargets: Pick<PolicyTargets, 'fault'>;
  readonly now: () => number;
  readonly seal: (secret: string, context: string) => string;
  readonly resealFor: (accessKeyId: string) => Promise<Reseal>;
  /** Resolves once this control plane goes by what a commit has done to these records. */
  readonly settled: (keys: readonly string[], revision: number) => Promise<void>;
  readonly trail: Trail;
  readonly boundary: Boundary;
  /** Milliseconds an answer waits for forwarders when the call does not say. */
  readonly confirmWait: number;
  /** The isolation policy of a site that is registered without one. */
  readonly newSitesIsolation?: 'serve' | 'fence';
  /** What a forwarder would run to get from one state of a load balancer to the next. */
  readonly planCommands: (
    before: LoadBalancer | undefined,
    after: LoadBalancer | undefined,
  ) => readonly string[];
}

/** What the door knows of a call when it is about to run. */
export interface CallInit {
  readonly action: Action;
  readonly requestId: string;
  /** The host that was called. */
  readonly host: string;
  readonly caller: Caller;
  readonly extensions: Extensions;
  /** As sent, for the audit record. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Which statement allowed it. */
  readonly decidedBy: string;
  /** Aborts when the caller has left. */
  readonly signal: AbortSignal;
}

/** Shared by all calls of one control plane. */
interface Shared extends CallsOptions {
  readonly fold: LoadBalancerFold;
  readonly live: Live;
}

/** The maker of calls of one control plane. */
export function createCalls(options: CallsOptions): (init: CallInit) => Call {
  const shared: Shared = {
    ...options,
    fold: new LoadBalancerFold(options.store),
    live: new Live(options.store, options.timers ?? systemTimers),
  };
  return (init) => new StoreCall(shared, init);
}

class StoreCall implements Call {
  readonly action: string;
  readonly requestId: string;
  readonly caller: Caller;
  readonly extensions: Extensions;
  readonly answer: AnswerHeaders = {};
  readonly store: Store;
  readonly fleet: Fleet;
  readonly live: Live;
  readonly now: () => number;
  readonly seal: (secret: string, context: string) => string;
  readonly signal: AbortSignal;
  readonly trail: Trail;
  readonly newSitesIsolation: 'serve' | 'fence';
  readonly boundary: Boundary;
  recorded = false;
  readonly newId = newId;
  readonly #shared: Shared;
  readonly #init: CallInit;

  constructor(shared: Shared, init: CallInit) {
    this.#shared = shared;
    this.#init = init;
    this.action = init.action.name;
    this.requestId = init.requestId;
    this.caller = init.caller;
    this.extensions = init.extensions;
    this.signal = init.signal;
    this.store = shared.store;
    this.fleet = shared.fleet;
    this.live = shared.live;
    this.now = shared.now;
    this.seal = shared.seal;
    this.trail = shared.trail;
    this.newSitesIsolation = shared.newSitesIsolation ?? 'serve';
    this.boundary = shared.boundary;
  }

  diagnosisOf = (message: string) => this.#shared.diagnoses.open(message, this.caller.account);

  policiesOf = (holder: PolicyHolder) =>
    this.#shared.identities.policiesOf(this.caller.account, holder);

  policyFault = (policy: Policy, kind: PolicyKind) =>
    this.#shared.policyTargets.fault(policy, kind, this.caller.account);

  placed = (resource: string) => this.#shared.sites.placed(resource);

  async loadBalancer(id: string): Promise<Stored<LoadBalancer>> {
    const site = await this.#shared.sites.find(id);
    const key = site === undefined ? undefined : keys.loadBalancer(site, id);
    const found = key === undefined ? undefined : await this.#own<LoadBalancer>(key);
    if (found === undefined) throw new Refusal('LoadBalancerNotFound');
    return found;
  }

  site(id: string): Promise<Stored<Site> | undefined> {
    return this.#own(keys.site(id));
  }

  network(id: string): Promise<Stored<Network> | undefined> {
    return this.#own(keys.network(id));
  }

  vSwitch(id: string): Promise<Stored<VSwitch> | undefined> {
    return this.#own(keys.vSwitch(id));
  }

  instance(id: string): Promise<Stored<Instance> | undefined> {
    return this.#own(keys.instance(id));
  }

  resealForCaller(): Promise<Reseal> {
    return this.#shared.resealFor(this.caller.accessKeyId);
  }

  certificate(id: string): Promise<Stored<Certificate> | undefined> {
    return this.#own(keys.certificate(id));
  }

  async *list<T>(prefix: string): AsyncIterable<Stored<T>> {
    let after: string | undefined;
    do {
      const page = await this.store.range(prefix, {
        limit: limits.rangePage,
        ...(after === undefined ? {} : { after }),
      });
      for (const entry of page.entries) {
        const stored = parseRecord<T & Owned>(entry);
        if (stored.value.account === this.caller.account) yield stored;
      }
      after = page.entries.length < limits.rangePage ? undefined : page.entries.at(-1)?.key;
    } while (after !== undefined);
  }

  changeLoadBalancer(id: string, rule: LoadBalancerRule): Promise<LoadBalancer> {
    return this.#change(id, { rule }, new Map());
  }

  async changeLoadBalancerAfter(
    id: string,
    look: (reads: Reads) => Promise<GroundedRule>,
  ): Promise<LoadBalancer> {
    for (let attempt = 0; attempt <= limits.commitRetries; attempt++) {
      const seen = new Map<string, Entry | undefined>();
      const grounded = await look({ get: (key) => this.#read(key, seen) });
      try {
        return await this.#change(id, grounded, seen);
      } catch (error) {
        if (!(error instanceof GroundsChanged)) throw error;
      }
    }
    throw new Refusal('OperationConflict');
  }

  async #change(
    id: string,
    { rule, puts = new Map() }: GroundedRule,
    seen: ReadonlyMap<string, Entry | undefined>,
  ): Promise<LoadBalancer> {
    if (this.extensions.dryRun) return this.#rehearse(id, rule);
    const site = await this.#shared.sites.find(id);
    if (site === undefined) throw new Refusal('LoadBalancerNotFound');
    const key = keys.loadBalancer(site, id);
    const { ifRevision } = this.extensions;
    const granted = await this.#shared.fold.change(key, {
      ...(ifRevision === undefined ? {} : { ifRevision }),
      grounds: revisionsOf(seen),
      puts: [...puts].map(([other, value]) => ({ key: other, value: JSON.stringify(value) })),
      rule: (current) => {
        if (current.account !== this.caller.account) throw new Refusal('LoadBalancerNotFound');
        const change = rule(current);
        this.boundary.checkChange(current, change.next);
        return change;
      },
      audit: (before, change) =>
        this.#audit([{ key, before, after: change.next }], change.ignored ?? []),
    });
    this.recorded = true;
    if (granted.change.ignored?.length) this.answer.ignored = granted.change.ignored;
    await this.#confirm(site, id, granted.revision);
    return granted.change.next;
  }

  async transact<Result>(body: (reads: Reads) => Promise<Writes<Result>>): Promise<Result> {
    for (let attempt = 0; attempt <= limits.commitRetries; attempt++) {
      const seen = new Map<string, Entry | undefined>();
      const writes = await body({ get: (key) => this.#read(key, seen) });
      const puts = [...(writes.puts ?? [])].map(([key, value]) => ({ key, value }));
      const deletes = writes.deletes ?? [];
      const uses = changedUses(seen, puts, deletes);
      if (this.extensions.dryRun) {
        this.answer.commands = this.#planned(seen, puts, deletes);
        return writes.result;
      }
      const outcome = await this.store.commit({
        ifRevision: revisionsOf(seen),
        puts: [
          ...puts.map(({ key, value }) => ({ key, value: JSON.stringify(value) })),
          ...uses.flatMap((each) => each.puts),
          this.#audit(changes(seen, puts, deletes), [], writes.result),
        ],
        deletes: [...deletes, ...uses.flatMap((each) => each.deletes)],
      });
      if (!outcome.committed) continue;
      this.recorded = true;
      this.answer.revision = outcome.revision;
      const written = [...puts.map(({ key }) => key), ...deletes];
      await this.#shared.settled(written, outcome.revision);
      const touched = written.find(isLoadBalancer);
      if (touched !== undefined) {
        const [, site = '', id = ''] = touched.split('/');
        await this.#confirm(site, id, outcome.revision);
      }
      return writes.result;
    }
    throw new Refusal('OperationConflict');
  }

  /** A record of the caller's own account, or undefined: another's answers like none. */
  async #own<T>(key: string): Promise<Stored<T> | undefined> {
    const entry = await this.store.get(key);
    if (entry === undefined) return undefined;
    const stored = parseRecord<T & Owned>(entry);
    return stored.value.account === this.caller.account ? stored : undefined;
  }

  async #read<T>(key: string, seen: Map<string, Entry | undefined>) {
    const entry = await this.store.get(key);
    seen.set(key, entry);
    const { ifRevision } = this.extensions;
    if (ifRevision !== undefined && isLoadBalancer(key) && entry?.revision !== ifRevision) {
      throw new Refusal('OperationConflict');
    }
    return entry === undefined ? undefined : parseRecord<T>(entry);
  }

  async #rehearse(id: string, rule: LoadBalancerRule) {
    const { value, revision } = await this.loadBalancer(id);
    const { ifRevision } = this.extensions;
    if (ifRevision !== undefined && ifRevision !== revision) {
      throw new Refusal('OperationConflict');
    }
    const change = rule(value);
    this.boundary.checkChange(value, change.next);
    this.answer.revision = revision;
    if (change.ignored?.length) this.answer.ignored = change.ignored;
    this.answer.commands = this.#shared.planCommands(value, change.next);
    return change.next;
  }

  #planned(
    seen: ReadonlyMap<string, Entry | undefined>,
    puts: readonly { readonly key: string; readonly value: unknown }[],
    deletes: readonly string[],
  ): readonly string[] {
    return changes(seen, puts, deletes)
      .filter(({ key }) => isLoadBalancer(key))
      .flatMap(({ before, after }) =>
        this.#shared.planCommands(
          before as LoadBalancer | undefined,
          after as LoadBalancer | undefined,
        ),
      );
  }

  async #confirm(site: string, loadBalancerId: string, revision: number): Promise<void> {
    const { confirmWait } = this.extensions;
    // A caller that says how long it waits waits no longer, a lease that runs out or not.
    const wait = {
      ms: confirmWait ?? this.#shared.confirmWait,
      forFence: confirmWait === undefined && this.#shared.confirmWait > 0,
    };
    const confirmation = await this.fleet.confirm(site, revision, loadBalancerId, wait);
    this.answer.revision = revision;
    this.answer.applied = `${confirmation.applied}/${confirmation.counted}`;
    const detail = detailOf(site, confirmation, this.fleet.standings(site));
    if (detail !== undefined) this.answer.detail = detail;
  }

  #audit(changes: readonly AuditChange[], ignored: readonly string[], response?: unknown): Write {
    const time = this.now();
    const key = keys.audit(new Date(time).toISOString(), this.requestId);
    const record = auditRecord({ ...this.#init, time, changes, ignored, response });
    return this.trail.proof.signText(key, recordText(record));
  }
}

/** What must still stand when a commit is made; 0 = it was not there. */
function revisionsOf(seen: ReadonlyMap<string, Entry | undefined>): Map<string, number> {
  return new Map([...seen].map(([key, entry]) => [key, entry?.revision ?? 0]));
}

interface Owned {
  readonly account: string;
}

function isLoadBalancer(key: string): boolean {
  return key.startsWith('lb/');
}

/** Before and after of each record a transaction writes; absent = undefined. */
function changes(
  seen: ReadonlyMap<string, Entry | undefined>,
  puts: readonly { readonly key: string; readonly value: unknown }[],
  deletes: readonly string[],
): AuditChange[] {
  const before = (key: string) => {
    const entry = seen.get(key);
    return entry && parseRecord<object>(entry).value;
  };
  return [
    ...puts.map(({ key, value }) => ({ key, before: before(key), after: value as object })),
    ...deletes.map((key) => ({ key, before: before(key), after: undefined })),
  ];
}

/** The certificates that load balancers begin and cease to use by a transaction. */
function changedUses(
  seen: ReadonlyMap<string, Entry | undefined>,
  puts: readonly { readonly key: string; readonly value: unknown }[],
  deletes: readonly string[],
) {
  return changes(seen, puts, deletes)
    .filter(({ key }) => isLoadBalancer(key))
    .map(({ before, after }) =>
      useChanges(before as LoadBalancer | undefined, after as LoadBalancer | undefined),
    );
}

/** No 0 and 1, o and l: 32 signs, so that a random byte's five low bits pick one evenly. */
const alphabet = '23456789abcdefghijkmnpqrstuvwxyz';
/** The cell that an id belongs to; there is one cell. */
const cell = '5';

/** An id such as `lb-5s7crik3yo6vs2ssumalzkqtf`: prefix, cell, 25 random signs (125 bits). */
export function newId(prefix: string): string {
  const random = Array.from(randomBytes(25), (byte) => alphabet[byte & 31]);
  return `${prefix}-${cell}${random.join('')}`;
}
