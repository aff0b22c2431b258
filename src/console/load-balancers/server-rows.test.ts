import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LoadBalancerState, WatchedServer } from '../../sdk/live.ts';
import { differences } from './differences.ts';
import { addressOf, removedWith, serverRows } from './server-rows.ts';

const server = (ServerId: string, changes: Partial<WatchedServer> = {}): WatchedServer => ({
  ServerId,
  Type: 'ens',
  Ip: '10.0.0.1',
  Port: 80,
  Weight: 100,
  ...changes,
});

const drain = (ServerId: string) => ({
  ...server(ServerId),
  Deadline: '2026-11-24T08:00:30Z',
  Cut: false,
  Over: false,
  Forwarders: [],
});

const listener = (Listener: string, Status = 'Running') => ({
  Listener,
  ListenerPort: 80,
  ListenerProtocol: 'tcp',
  BackendServerPort: 80,
  Description: '',
  Scheduler: 'wrr',
  Status,
  HealthCheck: 'on',
});

/** A load balancer with these servers and listeners. */
function state(
  BackendServers: readonly WatchedServer[],
  rest: Partial<LoadBalancerState> = {},
  Listeners = [listener('tcp:80')],
): LoadBalancerState {
  return {
    Revision: 1,
    LoadBalancer: {
      LoadBalancerId: 'lb-1',
      LoadBalancerName: 'shop',
      LoadBalancerStatus: 'Active',
      LoadBalancerType: 'CLB',
      LoadBalancerSpec: 'elb.s1.small',
      Address: '192.0.2.1',
      AddressIPVersion: 'ipv4',
      AddressType: 'intranet',
      Bandwidth: -1,
      CreateTime: '2026-11-24T07:00:00Z',
      EnsRegionId: 'local',
      NetworkId: 'n-1',
      VSwitchId: 'vsw-1',
      PayType: 'PostPaid',
      DrainSeconds: 30,
      BackendServers,
      Listeners,
    },
    Rollout: { Applied: 1, Counted: 1, Live: 1, Frozen: false, Forwarders: [] },
    Drains: [],
    Health: [],
    Figures: { Forwarders: [], Listeners: [], Servers: [] },
    ...rest,
  };
}

describe('the rows of servers', () => {
  test('stay where they stand when a server is removed', () => {
    const ids = (shown: LoadBalancerState) => serverRows(shown).map((row) => row.server.ServerId);
    const before = state([server('i-10'), server('i-2'), server('i-1')]);
    const after = state([server('i-10'), server('i-1')], { Drains: [drain('i-2')] });
    assert.deepEqual(ids(before), ['i-1', 'i-2', 'i-10']);
    assert.deepEqual(ids(after), ids(before));
    assert.deepEqual(
      serverRows(after).map((row) => row.drain !== undefined),
      [false, true, false],
    );
  });

  test('show a server that has come back as attached, and one drain of several', () => {
    const back = serverRows(state([server('i-1')], { Drains: [drain('i-1')] }));
    assert.deepEqual(
      back.map((row) => row.drain),
      [undefined],
    );
    assert.equal(serverRows(state([], { Drains: [drain('i-1'), drain('i-1')] })).length, 1);
  });

  test('add up what is known over listeners and forwarders, and nothing else', () => {
    const { Weight: _, ...name } = server('i-1');
    const [row] = serverRows(
      state([server('i-1')], {
        Health: [
          { ...name, Listener: 'tcp:80', ForwarderName: 'a', Healthy: true },
          { ...name, Listener: 'tcp:80', ForwarderName: 'b', Healthy: false },
          { ...name, Port: 81, Listener: 'tcp:80', ForwarderName: 'b', Healthy: false },
        ],
        Figures: {
          Forwarders: ['a'],
          Listeners: [],
          Servers: [
            { ...name, Listener: 'tcp:80', Sessions: 2 },
            { ...name, Listener: 'http:81', Sessions: 3, RequestsPerSecond: 4 },
          ],
        },
      }),
    );
    assert.deepEqual(row?.health, { healthy: 1, probed: 2 });
    assert.equal(row?.sessions, 5);
    assert.equal(row?.requestsPerSecond, 4);
    assert.equal(row?.connectionsPerSecond, undefined);
  });
});

test('a removal without a port takes every entry of the address', () => {
  const pool = [server('i-1'), server('i-1', { Port: 0 }), server('i-2')];
  assert.deepEqual(removedWith(pool, [pool[0]!]), [pool[0]]);
  assert.deepEqual(removedWith(pool, [pool[1]!]), [pool[0], pool[1]]);
});

test('addresses are written so that the port can be told', () => {
  assert.equal(addressOf(server('i-1')), '10.0.0.1:80');
  assert.equal(addressOf(server('i-1', { Ip: 'fd00::1' })), '[fd00::1]:80');
  assert.equal(addressOf(server('i-1', { Ip: 'fd00::1', Port: 0 })), 'fd00::1');
});

test('what somebody else has changed is told in sentences', () => {
  const before = state([server('i-1'), server('i-2')]);
  const after = state([server('i-1', { Weight: 30 }), server('i-3')], {}, [
    listener('tcp:80', 'Stopped'),
    listener('udp:53'),
  ]);
  assert.deepEqual(differences(before, after), [
    'The weight of i-1 was 100 and is 30.',
    'Server i-3 (10.0.0.1:80) was added.',
    'Server i-2 (10.0.0.1:80) was removed.',
    'Listener tcp:80 was changed.',
    'Listener udp:53 was made.',
  ]);
  assert.deepEqual(differences(before, before), []);
});
