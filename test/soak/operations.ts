import { setTimeout as delay } from 'node:timers/promises';
import type { RpcAnswer, RpcClient } from '../../src/client.ts';
import { pick } from '../support/random.ts';
import { emptyLoadBalancer } from '../support/scene.ts';
import { type Balancer, callMs, forwarderName, ports, site } from './deployment.ts';
import type { Faults } from './faults.ts';
import { forwarders, serverNumbers } from './network.ts';
import type { Removals } from './removals.ts';
import { serverName, serverPorts } from './servers.ts';
import type { Verdict } from './verdict.ts';

/** Servers that a load balancer keeps, so that there is always one to answer. */
const kept = 2;

interface Parts {
  readonly faults: Faults;
  readonly removals: Removals;
  readonly verdict: Verdict;
  readonly random: () => number;
  readonly drainSeconds: number;
}

/** Changes one load balancer at random, one call after the other, until `signal` aborts. */
export async function runOperations(
  parts: Parts,
  balancer: Balancer,
  signal: AbortSignal,
): Promise<void> {
  const operator = new Operator(parts, balancer);
  while (!signal.aborted) {
    await operator.operate();
    await delay(200 + parts.random() * 800, undefined, { signal }).catch(() => {});
  }
}

class Operator {
  readonly #parts: Parts;
  readonly #balancer: Balancer;
  #attached = new Set(serverNumbers.map(serverName));
  /** The answer to the last change has not come: what is attached must be read. */
  #isUnsure = false;

  constructor(parts: Parts, balancer: Balancer) {
    this.#parts = parts;
    this.#balancer = balancer;
  }

  async operate(): Promise<void> {
    if (this.#isUnsure) await this.#readAttached();
    if (this.#isUnsure) return;
    const operations: (() => Promise<unknown>)[] = [
      () => this.#remove(),
      () => this.#remove(),
      () => this.#remove(),
      () => this.#add(),
      () => this.#add(),
      () => this.#weigh(),
      () => this.#editListener(),
      () => this.#passingListener(),
      () => this.#passingBalancer(),
    ];
    await pick(this.#parts.random, operations)();
  }

  async #remove(): Promise<void> {
    const { removals, random, drainSeconds } = this.#parts;
    const most = this.#attached.size - kept;
    if (most <= 0) return this.#add();
    const servers = this.#some(this.#attached, Math.min(most, 2));
    const headers = { 'x-sluice-drain-seconds': String(drainSeconds) };
    // One call in four waits longer than a forwarder may be silent.
    const waits = random() < 0.25 ? { 'x-sluice-confirm-wait': '6000' } : {};
    removals.removing(this.#balancer.id, servers);
    const answer = await this.#change('RemoveBackendServers', servers, { ...headers, ...waits });
    if (answer === undefined) return;
    for (const server of servers) this.#attached.delete(server);
    const { 'x-sluice-applied': applied, 'x-sluice-detail': detail = '' } = answer.headers;
    const counts = `${applied} ${detail}`;
    removals.answered(this.#balancer.id, servers, { missing: notCounted(answer), counts });
  }

  async #add(): Promise<void> {
    const absent = serverNumbers.map(serverName).filter((name) => !this.#attached.has(name));
    if (absent.length === 0) return;
    const servers = this.#some(absent, 2);
    this.#parts.removals.adding(this.#balancer.id, servers);
    const answer = await this.#change('AddBackendServers', servers);
    if (answer !== undefined) for (const server of servers) this.#attached.add(server);
  }

  async #weigh(): Promise<void> {
    const { random } = this.#parts;
    const BackendServers = this.#some(this.#attached, 3).map((ServerId) => ({
      ServerId,
      Weight: 1 + Math.floor(random() * 100),
    }));
    await this.#call('SetBackendServers', { BackendServers });
  }

  /** Needs a reload, which must cut no session. */
  async #editListener(): Promise<void> {
    const IdleTimeout = 15 + Math.floor(this.#parts.random() * 45);
    const changes = { ListenerPort: ports.http, IdleTimeout };
    await this.#call('SetLoadBalancerHTTPListenerAttribute', changes);
  }

  /** A listener that comes, serves and goes. */
  async #passingListener(): Promise<void> {
    const { random } = this.#parts;
    const protocol = pick(random, ['http', 'tcp', 'udp'] as const);
    const ListenerPort = 1_000 + Math.floor(random() * 1_000);
    const named = { ListenerPort, ListenerProtocol: protocol };
    const created = await this.#call(`CreateLoadBalancer${protocol.toUpperCase()}Listener`, {
      ListenerPort,
      BackendServerPort: serverPorts[protocol],
      ...(protocol === 'http' ? { HealthCheck: 'off' } : {}),
    });
    if (created === undefined) return;
    await this.#call('StartLoadBalancerListener', named);
    await this.#call('DeleteLoadBalancerListener', named);
  }

  async #passingBalancer(): Promise<void> {
    const client = this.#client();
    await this.#attempt('CreateLoadBalancer', async () => {
      const LoadBalancerId = await emptyLoadBalancer(client, site);
      const first = [{ ServerId: serverName(1) }];
      await client.call('Ens', 'AddBackendServers', { LoadBalancerId, BackendServers: first });
      return client.call('Ens', 'ReleaseInstance', { InstanceId: LoadBalancerId });
    });
  }

  async #readAttached(): Promise<void> {
    const answer = await this.#call('DescribeLoadBalancerAttribute', {});
    if (answer === undefined) return;
    const { BackendServers } = answer.body as { BackendServers: { ServerId: string }[] };
    this.#attached = new Set(BackendServers.map(({ ServerId }) => ServerId));
    this.#isUnsure = false;
  }

  async #change(
    action: string,
    servers: readonly string[],
    headers: Readonly<Record<string, string>> = {},
  ): Promise<RpcAnswer | undefined> {
    const BackendServers = servers.map((ServerId) => ({ ServerId }));
    const answer = await this.#call(action, { BackendServers }, headers);
    if (answer === undefined) this.#isUnsure = true;
    return answer;
  }

  #call(
    action: string,
    parameters: Readonly<Record<string, unknown>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<RpcAnswer | undefined> {
    const client = this.#client();
    const all = { LoadBalancerId: this.#balancer.id, ...parameters };
    return this.#attempt(action, () =>
      client.call('Ens', action, all, { headers, signal: AbortSignal.timeout(callMs) }),
    );
  }

  /** Undefined when it failed; counted against the run unless a fault explains it. */
  async #attempt(action: string, call: () => Promise<RpcAnswer>): Promise<RpcAnswer | undefined> {
    const { faults, verdict } = this.#parts;
    const begun = performance.now();
    try {
      const answer = await call();
      verdict.count('operations', action);
      return answer;
    } catch (error) {
      if (faults.explainsCall(begun)) verdict.explained += 1;
      else verdict.fail('failed calls', `${action}: ${error} (under a fault: ${faults.current})`);
      return undefined;
    }
  }

  /** A control plane that is not under a fault, as a caller behind a balancer would get. */
  #client(): RpcClient {
    const { faults, random } = this.#parts;
    return pick(random, faults.wellClients());
  }

  #some(from: Iterable<string>, most: number): string[] {
    const { random } = this.#parts;
    const shuffled = [...from].sort(() => random() - 0.5);
    return shuffled.slice(0, 1 + Math.floor(random() * most));
  }
}

/**
 * The forwarders that an answer did not count as having applied the change. Where it does not name
 * them it promises nothing of any; one that it did not count at all may not serve either.
 */
function notCounted({ headers }: RpcAnswer): ReadonlySet<string> {
  const [applied, all] = (headers['x-sluice-applied'] ?? '0/1').split('/');
  if (applied === all) return new Set();
  const detail = headers['x-sluice-detail'] ?? '';
  const names = forwarders.map(forwarderName);
  const named = names.filter((name) => detail.includes(name));
  return new Set(named.length > 0 ? named : names);
}
