import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';
import type { RpcClient } from './client.ts';
import { nextSteps, seedSample, startSampleServers } from './sample.ts';

interface Server {
  readonly ServerId: string;
  readonly Port: number;
}

/** As much of the API as the sample uses, with its answers' shapes. */
function fakeApi() {
  const state = { created: 0, listening: false, running: false, servers: [] as Server[] };
  const log: string[] = [];
  const named = (p: Record<string, unknown>) => p.BackendServers as Server[];
  const answers: Record<string, (p: Record<string, unknown>) => unknown> = {
    RegisterInstance: () => ({}),
    DescribeSites: () => ({
      Sites: {
        Site: [{ EnsRegionId: 'local', DefaultNetworkId: 'n-1', DefaultVSwitchId: 'v-1' }],
      },
    }),
    DescribeLoadBalancers: () => ({
      LoadBalancers: { LoadBalancer: state.created > 0 ? [{ LoadBalancerId: 'lb-1' }] : [] },
    }),
    CreateLoadBalancer: () => {
      state.created += 1;
      return { LoadBalancerId: 'lb-1' };
    },
    DescribeLoadBalancerAttribute: () => ({
      Address: '127.0.0.1',
      ListenerPorts: state.listening ? ['8000'] : [],
      BackendServers: state.servers.map(({ ServerId, Port }) => ({ ServerId, Port: `${Port}` })),
    }),
    AddBackendServers: (p) => {
      state.servers.push(...named(p));
    },
    RemoveBackendServers: (p) => {
      state.servers = state.servers.filter(
        (it) => !named(p).some((gone) => gone.ServerId === it.ServerId && gone.Port === it.Port),
      );
    },
    CreateLoadBalancerHTTPListener: () => {
      state.listening = true;
    },
    StartLoadBalancerListener: () => {
      state.running = true;
    },
  };
  const client: Pick<RpcClient, 'call'> = {
    call: async (_product, action, parameters) => {
      log.push(action);
      return { status: 200, headers: {}, body: answers[action]!(parameters) };
    },
  };
  return { state, log, client };
}

const servers = ['i-sample-1', 'i-sample-2', 'i-sample-3'].map((name, index) => ({
  name,
  ip: '127.0.0.1',
  port: 8001 + index,
}));

const port8000 = async () => ({ port: 8000 });

describe('the sample through the API', () => {
  test('makes a running listener over three servers', async () => {
    const { state, client } = fakeApi();
    const seeded = await seedSample(client, servers, port8000);
    assert.deepEqual(seeded, { loadBalancerId: 'lb-1', address: '127.0.0.1', port: 8000 });
    assert.deepEqual(
      state.servers.map(({ ServerId, Port }) => `${ServerId}:${Port}`),
      ['i-sample-1:8001', 'i-sample-2:8002', 'i-sample-3:8003'],
    );
    assert.ok(state.running);
  });

  test('a second start finds it and changes nothing; a server taken out stays out', async () => {
    const { state, log, client } = fakeApi();
    await seedSample(client, servers, port8000);
    state.servers.splice(1, 1);
    log.length = 0;
    await seedSample(client, servers, port8000);
    assert.equal(state.created, 1);
    assert.equal(state.servers.length, 2);
    assert.ok(!log.some((action) => /^(Add|Remove|Create|Start)/.test(action)), log.join());
  });

  test('a start that was cut short is completed by the next', async () => {
    const { state, client } = fakeApi();
    await seedSample(client, servers, port8000);
    state.listening = false;
    state.servers.length = 0;
    await seedSample(client, servers, port8000);
    assert.equal(state.created, 1);
    assert.equal(state.servers.length, 3);
    assert.ok(state.listening);
  });

  test('a server that came up at another port is followed, and never missing', async () => {
    const { state, log, client } = fakeApi();
    await seedSample(client, servers, port8000);
    log.length = 0;
    await seedSample(client, [{ ...servers[0]!, port: 9001 }, ...servers.slice(1)], port8000);
    assert.deepEqual(state.servers.map(({ Port }) => Port).sort(), [8002, 8003, 9001]);
    assert.ok(log.indexOf('AddBackendServers') < log.indexOf('RemoveBackendServers'));
  });
});

test('each sample server answers its own name, also where its port is taken', async () => {
  const first = await startSampleServers();
  const second = await startSampleServers();
  try {
    for (const { name, ip, port } of [...first.servers, ...second.servers]) {
      assert.equal(await (await fetch(`http://${ip}:${port}/`)).text(), `${name}\n`);
    }
  } finally {
    await Promise.all([first.close(), second.close()]);
  }
});

test('the next steps name the real load balancer, and where it is not the default', () => {
  const steps = {
    loadBalancerId: 'lb-5x',
    address: '127.0.0.1',
    port: 8000,
    endpoint: 'http://127.0.0.1:8080',
    dataFolder: resolve('data'),
    accessKeyId: 'LTAI',
  };
  assert.match(nextSteps(steps), /curl http:\/\/127\.0\.0\.1:8000\n/);
  assert.match(nextSteps(steps), /RemoveBackendServers --LoadBalancerId lb-5x --BackendServers/);
  assert.doesNotMatch(nextSteps(steps), /--data|--endpoint http/);
  const moved = { ...steps, port: 8123, moved: '127.0.0.1:8000 belongs to nginx (process 7)' };
  assert.match(nextSteps(moved), /belongs to nginx \(process 7\): .* port 8123\.\n\n.*:8123\n/s);
  const elsewhere = nextSteps({ ...steps, endpoint: 'http://127.0.0.1:1', dataFolder: '/d' });
  assert.match(elsewhere, /drains --watch --endpoint http:\/\/127\.0\.0\.1:1 --data \/d\n/);
});
