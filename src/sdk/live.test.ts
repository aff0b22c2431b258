import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type LoadBalancerState, stateAfter } from './live.ts';

const Time = '2026-11-24T08:00:00.000Z';
const state: LoadBalancerState = {
  Revision: 7,
  LoadBalancer: {
    LoadBalancerId: 'lb-1',
    LoadBalancerName: 'shop',
    LoadBalancerStatus: 'Active',
    LoadBalancerType: 'CLB',
    LoadBalancerSpec: 'elb.s1.small',
    Address: '192.0.2.1',
    AddressIPVersion: 'ipv4',
    AddressType: 'intranet',
    Bandwidth: 100,
    CreateTime: '2026-11-24T07:00:00Z',
    EnsRegionId: 'local',
    NetworkId: 'n-1',
    VSwitchId: 'vsw-1',
    PayType: 'PostPaid',
    DrainSeconds: 30,
    BackendServers: [],
    Listeners: [],
  },
  Rollout: { Applied: 0, Counted: 0, Live: 0, Frozen: false, Forwarders: [] },
  Drains: [],
  Health: [],
  Figures: { Forwarders: [], Listeners: [], Servers: [] },
};

describe('a reader of WatchLoadBalancer', () => {
  const first = stateAfter(undefined, { Type: 'state', Time, ...state });

  test('has the whole of it from the first line', () => {
    assert.deepEqual(first, state);
  });

  test('has each part as it was told last', () => {
    const Rollout = { ...state.Rollout, Frozen: true };
    const next = stateAfter(first, { Type: 'change', Time, Revision: 8, Rollout });
    assert.deepEqual(next, { ...state, Revision: 8, Rollout });
    assert.equal(stateAfter(next, { Type: 'heartbeat', Time }), next);
  });

  test('knows nothing before the first line, nor of one that is gone', () => {
    assert.equal(stateAfter(undefined, { Type: 'change', Time, Revision: 8 }), undefined);
    assert.equal(stateAfter(first, { Type: 'deleted', Time }), undefined);
  });
});
