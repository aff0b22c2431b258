import type { TestContext } from 'node:test';
import type { TcpListener } from '../../src/elb/types.ts';
import { startTcpEcho } from '../support/backends.ts';
import { attached, balancer, openEngine } from '../support/haproxy.ts';
import { plainTcp } from '../support/kernel.ts';
import { Client } from '../support/namespace-client.ts';
import { serveHealth } from '../support/namespace-server.ts';
import { freePort } from '../support/ports.ts';
import { type TcpScene, tcpCases } from './tcp-cases.ts';

const address = '127.0.0.1';

async function open(t: TestContext): Promise<TcpScene> {
  const { engine } = await openEngine(t);
  const port = await freePort(address);
  const backends = await Promise.all(
    [1, 2, 3].map((n) => startTcpEcho(`s-${n}`, { host: `127.0.0.1${n}` })),
  );
  t.after(() => Promise.all(backends.map((backend) => backend.close())));
  const servers = attached(backends);
  const healthPort = await freePort(address);
  const setHealth = (id: string, found: number | 'nobody') =>
    serveHealth(backends.find(({ name }) => name === id)!.ip, healthPort, found);
  t.after(() => Promise.all(backends.map(({ name }) => setHealth(name, 'nobody'))));
  return {
    healthPort,
    setHealth,
    address,
    servers,
    balancer: (parts) => balancer('lb-1', { backends: servers, ...parts }),
    listener: (more: Partial<TcpListener> = {}) => plainTcp(port, more),
    apply: (wanted) => engine.apply(wanted),
    client: new Client(),
  };
}

tcpCases('HAProxy', open);
