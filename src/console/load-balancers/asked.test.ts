import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addServers, ifRevision, removeServers, setWeights } from './asked.ts';

const server = { ServerId: 'i-1', Type: 'ens', Ip: '10.0.0.1', Port: 80, Weight: 100 };

test('a removal names the entry, and the drain time where it is another than the usual', () => {
  const asked = removeServers('lb-1', [server, { ...server, Port: 0 }], 5);
  assert.deepEqual(asked.parameters, {
    LoadBalancerId: 'lb-1',
    BackendServers: [
      { ServerId: 'i-1', Type: 'ens', Ip: '10.0.0.1', Port: 80 },
      { ServerId: 'i-1', Type: 'ens', Ip: '10.0.0.1' },
    ],
  });
  assert.deepEqual(asked.headers, { 'x-sluice-drain-seconds': '5' });
  assert.equal(removeServers('lb-1', [server], undefined).headers, undefined);
});

test('undoing it adds the server as it was', () => {
  assert.deepEqual(addServers('lb-1', [server]).parameters, {
    LoadBalancerId: 'lb-1',
    BackendServers: [server],
  });
});

test('a weight is set once a server, whatever entries it has', () => {
  const other = { ...server, Port: 81 };
  assert.deepEqual(setWeights('lb-1', [server, other]).parameters, {
    LoadBalancerId: 'lb-1',
    BackendServers: [{ ServerId: 'i-1', Type: 'ens', Weight: 100 }],
  });
});

test('a guard keeps the headers that the call has', () => {
  assert.deepEqual(ifRevision(removeServers('lb-1', [server], 5), 42).headers, {
    'x-sluice-drain-seconds': '5',
    'x-sluice-if-revision': '42',
  });
});
