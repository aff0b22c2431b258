import dgram from 'node:dgram';
import http from 'node:http';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { get, openSession, type Session } from '../support/load.ts';
import { type Balancer, forwarderName, ports } from './deployment.ts';
import type { Faults } from './faults.ts';
import { clientOf, forwarders } from './network.ts';
import type { Removals } from './removals.ts';
import type { Verdict } from './verdict.ts';

/** Between two requests of one client; enough of them for all that matters. Milliseconds. */
const paceMs = 100;

/** Between two lines of a long session. */
const echoEveryMs = 500;

/** No answer within this is a failure. */
const answerMs = 20_000;

interface Parts {
  readonly balancers: readonly Balancer[];
  readonly faults: Faults;
  readonly removals: Removals;
  readonly verdict: Verdict;
  /** The drain of each removal, in seconds. */
  readonly drainSeconds: number;
}

/** Asks once; resolves with the name of the server that answered. */
type Request = () => Promise<string>;

/**
 * Clients of every load balancer through every forwarder, until `signal` aborts: requests on
 * kept-alive connections and on new ones, new TCP connections, new UDP flows, long TCP sessions.
 */
export async function runTraffic(parts: Parts, signal: AbortSignal): Promise<void> {
  const loops = parts.balancers.flatMap((balancer) =>
    forwarders.flatMap((forwarder) => {
      const { address } = balancer;
      const localAddress = clientOf(forwarder);
      const web = { host: address, port: ports.http, localAddress };
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      signal.addEventListener('abort', () => agent.destroy());
      const requests: readonly (readonly [string, Request])[] = [
        ['HTTP kept-alive', () => get({ ...web, agent })],
        ['HTTP', () => get({ ...web, agent: false })],
        ['TCP', () => tcpName(address, localAddress)],
        ['UDP', () => udpName(address, localAddress)],
      ];
      return [
        ...requests.map(([kind, request]) =>
          requestOnAndOn(parts, { balancer, forwarder, kind, request }, signal),
        ),
        holdSessions(parts, balancer, forwarder, signal),
      ];
    }),
  );
  await Promise.all(loops);
}

async function requestOnAndOn(
  { faults, removals, verdict }: Parts,
  {
    balancer,
    forwarder,
    kind,
    request,
  }: {
    readonly balancer: Balancer;
    readonly forwarder: number;
    readonly kind: string;
    readonly request: Request;
  },
  signal: AbortSignal,
): Promise<void> {
  const where = `${kind} of ${balancer.id} through ${forwarderName(forwarder)}`;
  while (!signal.aborted) {
    const begun = performance.now();
    try {
      const server = await request();
      verdict.count('requests', kind);
      const name = forwarderName(forwarder);
      const broken = removals.broken(balancer.id, server, name, begun);
      if (broken !== undefined) {
        const under = `(under a fault: ${faults.current})`;
        verdict.fail('stale requests', `${where} reached ${server}, removed ${broken} ${under}`);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (faults.explains(forwarder, begun)) verdict.explained += 1;
      else verdict.fail('failed requests', `${where}: ${error} (under a fault: ${faults.current})`);
    }
    await delay(paceMs, undefined, { signal }).catch(() => {});
  }
}

/** One session after the other, each for as long as it lasts. */
async function holdSessions(
  { faults, removals, verdict, drainSeconds }: Parts,
  balancer: Balancer,
  forwarder: number,
  signal: AbortSignal,
): Promise<void> {
  const where = `session of ${balancer.id} through ${forwarderName(forwarder)}`;
  while (!signal.aborted) {
    const begun = performance.now();
    let session: Session | undefined;
    let echoed = begun;
    try {
      session = await openSession(balancer.address, ports.tcp, clientOf(forwarder));
      verdict.count('requests', 'TCP session');
      while (!signal.aborted) {
        await session.echo(`${Math.round(echoed)}`);
        echoed = performance.now();
        await delay(echoEveryMs, undefined, { signal }).catch(() => {});
      }
    } catch (error) {
      if (removals.mayHaveDrained(balancer.id, session?.server ?? '', drainSeconds)) {
        verdict.count('requests', 'TCP session drained');
      } else if (faults.explains(forwarder, echoed)) {
        verdict.explained += 1;
      } else {
        const age = Math.round(performance.now() - begun);
        const failing = session === undefined ? 'failed requests' : 'cut sessions';
        verdict.fail(
          failing,
          `${where} after ${age} ms: ${error} (under a fault: ${faults.current})`,
        );
      }
      await delay(paceMs);
    } finally {
      session?.end();
    }
  }
}

/** Opens a connection, reads who is there, and ends it with a reset: no port waits. */
function tcpName(host: string, localAddress: string): Promise<string> {
  const socket = net.connect({ host, port: ports.tcp, localAddress });
  return new Promise((resolve, reject) => {
    socket.setTimeout(answerMs, () => socket.destroy(new Error(`no answer in ${answerMs} ms`)));
    socket.once('data', (data) => {
      resolve(String(data).trim());
      socket.resetAndDestroy();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed before an answer')));
  });
}

/** Source ports of flows: none comes again while a forwarder may still know its last flow. */
const flowPorts = { first: 10_000, count: 50_000 };
let flows = 0;

/** One datagram of a new flow. */
function udpName(host: string, localAddress: string): Promise<string> {
  const socket = dgram.createSocket('udp4');
  return new Promise<string>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('no answer to a datagram')), answerMs);
    socket.on('error', reject);
    socket.on('message', (data) => {
      clearTimeout(late);
      resolve(String(data));
    });
    const port = flowPorts.first + (flows++ % flowPorts.count);
    socket.bind({ address: localAddress, port }, () => socket.send('x', ports.udp, host));
  }).finally(() => socket.close());
}
