import type { TestContext } from 'node:test';
import type { TcpListener } from '../../src/elb/types.ts';
import { startTcpEcho } from '../support/backends.ts';
import { attached, balancer, openEngine } from '../support/haproxy.ts';
import { plainTcp } from '../support/kernel.ts';
import { Client } from '../support/namespace-client.ts';
import { freePort } from '../support/scene.ts';
import { type TcpScene, tcpCases } from './tcp-cases.ts';

const address = '127.0.0.1';

async function open(t: TestContext): Promise<TcpScene> {
  const { engine } = await openEngine(t);
  const port = await freePort(address);
  const backends = await Promise.all(['s-1', 's-2', 's-3'].map((name) => startTcpEcho(name)));
  t.after(() => Promise.all(backends.map((backend) => backend.close())));
  const servers = attached(backends);
  return {
    address,
    servers,
    balancer: (parts) => balancer('lb-1', { backends: servers, ...parts }),
    listener: (more: Partial<TcpListener> = {}) => plainTcp(port, more),
    apply: (wanted) => engine.apply(wanted),
    client: new Client(),
  };
}

tcpCases('HAProxy', open);
