import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Action } from '../../src/api/actions/action.ts';
import { CreateLoadBalancer } from '../../src/api/actions/create-load-balancer.ts';
import { actions } from '../../src/api/actions/index.ts';
import type { AnswerHeaders, Caller, Extensions } from '../../src/api/call.ts';
import { createCalls } from '../../src/api/calls.ts';
import { createDiagnoses } from '../../src/api/diagnoses.ts';
import { ApiError, fromRefusal } from '../../src/api/errors.ts';
import { Identities } from '../../src/api/identities.ts';
import { LoadBalancerSites } from '../../src/api/load-balancer-sites.ts';
import { readInput } from '../../src/api/parameters.ts';
import { PolicyTargets } from '../../src/api/policy-targets.ts';
import { noHead } from '../../src/api/trail/chain.ts';
import { createProof } from '../../src/api/trail/proof.ts';
import { Refusal } from '../../src/elb/refusal.ts';
import type {
  Certificate,
  Instance,
  LoadBalancer,
  Network,
  Site,
  VSwitch,
} from '../../src/elb/types.ts';
import type { Fleet, ForwarderState } from '../../src/fleet/fleet.ts';
import { createSeal } from '../../src/sealing.ts';
import { keys } from '../../src/store/keys.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { openBoundary } from './boundary.ts';

export const account = '1000000000000001';

/** Of the audit logs of tests. */
export const testProof = createProof(Buffer.alloc(32, 7));

/** What a call answered: the output and the headers. */
export interface Answered {
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what tests look at
  readonly output: any;
  readonly headers: AnswerHeaders;
}

/** One control plane's actions on a store of its own, without door, signature and fleet. */
export interface Bench {
  readonly store: Store;
  /** Unix milliseconds; tests move it. */
  readonly clock: { now: number };
  /** Live forwarders as they last reported; tests set it. */
  readonly forwarders: ForwarderState[];
  /** Those of them that do not report, and since when. */
  readonly silent: Map<string, string>;
  /** Runs an action with its parameters as texts, the way they come in. */
  call(
    action: Action,
    parameters: Readonly<Record<string, unknown>>,
    how?: {
      readonly extensions?: Partial<Extensions>;
      readonly account?: string;
      /** The account itself unless said. */
      readonly principal?: Caller['principal'];
    },
  ): Promise<Answered>;
  put(key: string, value: object): Promise<void>;
  read<T>(key: string): Promise<T | undefined>;
  close(): Promise<void>;
}

export async function openBench(): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-actions-'));
  const store = await openSqlite({ path: join(folder, 'store.db') });
  const clock = { now: Date.parse('2026-11-24T08:00:00Z') };
  const forwarders: ForwarderState[] = [];
  const silent = new Map<string, string>();
  const identities = await Identities.open(store, (error) => {
    throw error;
  });
  const createCall = createCalls({
    boundary: openBoundary,
    store,
    fleet: quietFleet(forwarders, silent),
    sites: new LoadBalancerSites(store),
    now: () => clock.now,
    seal: (secret) => secret,
    resealFor: async () => (sealed) => sealed,
    identities,
    policyTargets: new PolicyTargets(actions),
    diagnoses: createDiagnoses(createSeal(Buffer.alloc(32))),
    settled: async (written, revision) => {
      const isIdentity = (key: string) => key.startsWith(keys.identities);
      if (written.some(isIdentity)) await identities.reached(revision);
    },
    trail: { proof: testProof, newest: () => noHead },
    confirmWait: 0,
    planCommands: (before, after) => [`${before?.id ?? 'nothing'} -> ${after?.id ?? 'nothing'}`],
  });
  const puts = [{ key: keys.rootAccount, value: JSON.stringify({ v: 1, id: account }) }];
  await store.commit({ ifRevision: new Map(), puts, deletes: [] });
  let requests = 0;
  return {
    store,
    clock,
    forwarders,
    silent,
    call: async (action, parameters, { extensions, account: by = account, principal } = {}) => {
      requests += 1;
      const texts = new Map(Object.entries(parameters).map(([name, value]) => [name, text(value)]));
      const call = createCall({
        action,
        requestId: `request-${requests}`,
        host: '127.0.0.1:8080',
        caller: callerOf(by, principal),
        extensions: { dryRun: false, ...extensions },
        parameters,
        decidedBy: 'root',
        signal: new AbortController().signal,
      });
      const output = await action.run(readInput(action, texts), call).catch((error) => {
        throw error instanceof Refusal ? fromRefusal(error, action.loadBalancerIdSpelling) : error;
      });
      // What leaves is JSON: members without a value are gone.
      return { output: JSON.parse(JSON.stringify(output)), headers: call.answer };
    },
    put: async (key, value) => {
      const puts = [{ key, value: JSON.stringify(value) }];
      await store.commit({ ifRevision: new Map(), puts, deletes: [] });
    },
    read: async <T>(key: string) => {
      const entry = await store.get(key);
      return entry && (JSON.parse(entry.value) as T);
    },
    close: async () => {
      identities.close();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function callerOf(id: string, principal: Caller['principal'] = { kind: 'root' }): Caller {
  return {
    account: id,
    accessKeyId: 'LTAI5tTest',
    principal,
    sourceIp: '192.0.2.1',
    userAgent: 'test',
    secure: false,
  };
}

/** A fleet in which every forwarder listed has said its last word. */
function quietFleet(
  forwarders: readonly ForwarderState[],
  silent: ReadonlyMap<string, string>,
): Fleet {
  const at = (site: string) => forwarders.filter((each) => each.site === site);
  const progress = (site: string, revision: number, loadBalancerId: string) => {
    const { length } = at(site);
    const missing = at(site)
      .filter(
        (each) =>
          each.revision < revision ||
          each.failures.some((failure) => ['*', loadBalancerId].includes(failure.loadBalancerId)),
      )
      .map(({ name, failures }) => ({ forwarder: name, reason: failures[0]?.reason ?? 'behind' }));
    return { applied: length - missing.length, counted: length, live: length, missing };
  };
  return {
    watchSite: async function* () {},
    report: async () => ({ isolation: 'serve', leaseMs: 0 }),
    confirm: async (site, revision, loadBalancerId) => progress(site, revision, loadBalancerId),
    progress,
    forwarders: at,
    standings: (site) =>
      at(site).map(({ name, revision, failures }) => ({
        forwarder: name,
        state: silent.has(name) ? 'silent' : 'live',
        counted: true,
        fences: false,
        silentSince: silent.get(name) ?? '',
        applied: { revision, failures },
      })),
    untilLeft: async () => [],
    forget: async () => {},
    traffic: () => new Map(),
    watchTraffic: () => () => {},
    frozen: false,
    onChange: () => () => {},
    close: async () => {},
  };
}

/** A forwarder that has applied everything up to `revision`. */
export function forwarder(state: Partial<ForwarderState> = {}): ForwarderState {
  return {
    site: 'local',
    name: 'forwarder-1',
    revision: Number.MAX_SAFE_INTEGER,
    failures: [],
    drains: [],
    health: [],
    engine: 'test',
    notices: [],
    ...state,
  };
}

const created = '2026-11-24T08:00:00Z';
const owned = { v: 1, account, createTime: created } as const;

/** A site with a network, a vSwitch and running instances `i-1`, `i-2`, … at 10.0.0.1, …. */
export async function furnish(
  bench: Bench,
  options: { readonly site?: string; readonly pool?: string; readonly instances?: number } = {},
): Promise<{ networkId: string; vSwitchId: string }> {
  const { site = 'local', pool = '127.0.0.0/8', instances = 3 } = options;
  const [networkId, vSwitchId] = [`n-${site}`, `vsw-${site}`];
  const place = { ...owned, site, networkId, vSwitchId };
  await bench.put(keys.site(site), {
    ...owned,
    id: site,
    addressPool: pool,
    defaultNetworkId: networkId,
    defaultVSwitchId: vSwitchId,
  } satisfies Site);
  const block = { ...owned, site, name: '', cidr: '10.0.0.0/16', tags: [] };
  await bench.put(keys.network(networkId), { ...block, id: networkId } satisfies Network);
  const vSwitch: VSwitch = { ...block, id: vSwitchId, networkId };
  await bench.put(keys.vSwitch(vSwitchId), vSwitch);
  for (let number = 1; number <= instances; number++) {
    const id = site === 'local' ? `i-${number}` : `i-${site}-${number}`;
    const interfaceId = `eni-${number}`;
    await bench.put(keys.instance(id), {
      ...place,
      id,
      name: id,
      privateIp: `10.0.0.${number}`,
      status: 'Running',
      interfaces: [{ id: interfaceId, privateIp: `10.0.1.${number}` }],
    } satisfies Instance);
    if (site === 'local') {
      await bench.put(keys.networkInterface(interfaceId), { v: 1, instanceId: id });
    }
  }
  return { networkId, vSwitchId };
}

/** A certificate record whose key opens nothing; answers its id. */
export async function putCertificate(bench: Bench): Promise<string> {
  const dates = { createTime: created, notBefore: 0, notAfter: Number.MAX_SAFE_INTEGER };
  const record = { ...owned, ...dates, id: '1', name: 'test', chain: '', key: '' };
  await bench.put(keys.certificate('1'), record satisfies Certificate);
  return '1';
}

/** A load balancer at a furnished site; answers its id. */
export async function createLoadBalancer(bench: Bench, site = 'local'): Promise<string> {
  const { output } = await bench.call(CreateLoadBalancer, {
    EnsRegionId: site,
    LoadBalancerSpec: 'elb.s1.small',
    NetworkId: `n-${site}`,
    PayType: 'PostPaid',
    VSwitchId: `vsw-${site}`,
  });
  return output.LoadBalancerId;
}

/** Matches an API error by its code, and by part of its text and detail where given. */
export function failsWith(code: string, reason?: RegExp) {
  return (error: unknown): boolean => {
    if (!(error instanceof ApiError)) throw error;
    const text = `${error.message} ${error.detail ?? ''}`;
    return error.code === code && (reason === undefined || reason.test(text));
  };
}

/** The load balancer as the store has it. */
export function storedLoadBalancer(bench: Bench, id: string, site = 'local') {
  return bench.read<LoadBalancer>(keys.loadBalancer(site, id));
}
