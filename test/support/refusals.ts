import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { emptyLoadBalancer } from './scene.ts';
import { type Sluice, startSluice } from './sluice.ts';
import { exchange, hangUp, type WireAnswer, type WireRequest } from './wire.ts';

/** A control plane with something of each kind, to which calls are made that it has to refuse. */
export interface Refusals {
  readonly sluice: Sluice;
  /** `host:port` */
  readonly host: string;
  /** Has one server attached, and listeners at 80 (HTTP) and 81 (TCP). */
  readonly loadBalancerId: string;
  /** Sends a request that has to fail with this status and code. */
  refuse(request: WireRequest, status: number, code: string, what: string): Promise<void>;
  /** Does `work`, after which all that is stored must be as before; the audit log tells of it. */
  unchanged(work: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

export async function openRefusals(): Promise<Refusals> {
  const sluice = await startSluice({ mode: 'control-plane' });
  const { endpoint, dataFolder } = sluice;
  const loadBalancerId = await furnish(sluice);
  const store = new DatabaseSync(join(dataFolder, 'store.db'), { readOnly: true });
  return {
    sluice,
    host: new URL(endpoint).host,
    loadBalancerId,
    refuse: async (request, status, code, what) => {
      const answer = await exchange(endpoint, request);
      checkError(answer, code, what);
      assert.equal(answer.status, status, `${what}: ${answer.text.slice(0, 300)}`);
    },
    unchanged: async (work) => {
      const before = digestOf(store);
      await work();
      assert.equal(digestOf(store), before, 'what is stored has changed');
    },
    close: async () => {
      hangUp();
      store.close();
      await sluice.stop();
    },
  };
}

async function furnish({ client }: Sluice): Promise<string> {
  const EnsRegionId = 'local';
  await client.call('Sluice', 'RegisterSite', { EnsRegionId, AddressPool: '127.0.0.0/24' });
  for (const InstanceId of ['i-1', 'i-2']) {
    const PrivateIpAddress = '10.0.0.1';
    await client.call('Sluice', 'RegisterInstance', { EnsRegionId, InstanceId, PrivateIpAddress });
  }
  const LoadBalancerId = await emptyLoadBalancer(client);
  const of = { LoadBalancerId };
  const BackendServers = [{ ServerId: 'i-1' }];
  await client.call('Ens', 'AddBackendServers', { ...of, BackendServers });
  await client.call('Ens', 'CreateLoadBalancerTCPListener', { ...of, ListenerPort: 81 });
  const http = { ...of, ListenerPort: 80, HealthCheck: 'on' };
  await client.call('Ens', 'CreateLoadBalancerHTTPListener', http);
  return LoadBalancerId;
}

function digestOf(store: DatabaseSync): string {
  const hash = createHash('sha256');
  const rows = "SELECT key, revision, value FROM kv WHERE key NOT GLOB 'audit*' ORDER BY key";
  for (const row of store.prepare(rows).iterate()) {
    hash.update(JSON.stringify(row));
  }
  return hash.digest('hex');
}

/** Holds an answer to what clients need of every error. */
export function checkError({ status, headers, text }: WireAnswer, code: string, what: string) {
  const where = `${what}: ${status} ${text.slice(0, 300)}`;
  assert.match(headers['content-type'] ?? '', /^application\/json/, where);
  const body = JSON.parse(text) as Record<string, unknown>;
  // RAM says of some parameters why they are wrong.
  const codes = [code, `${code}.InvalidChars`, `${code}.Length`];
  assert.ok(codes.includes(String(body.Code)), `${code} expected: ${where}`);
  for (const member of ['Code', 'Message', 'RequestId', 'HostId', 'Recommend']) {
    assert.equal(typeof body[member], 'string', `${member} in ${where}`);
    assert.notEqual(body[member], '', `${member} in ${where}`);
  }
}
