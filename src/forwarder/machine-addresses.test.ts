import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMarkOf, labelOf, machineAddresses } from './machine-addresses.ts';

test('a label fits what the kernel takes, and marks one Sluice alone', () => {
  assert.equal(labelOf('lo', '1a2b3c4d'), 'lo:sl1a2b3c4d');
  assert.equal(labelOf('enp0s31f6', '1a2b3c4d')?.length, undefined);
  for (const name of ['lo', 'eth0', 'bond0', 'ens18', 'wlan0', 'enp3s0f0']) {
    const label = labelOf(name, '1a2b3c4d') ?? '';
    assert.ok(label.length <= 15, label);
    const mark = label.slice(`${name}:sl`.length);
    assert.ok(isMarkOf(mark, '1a2b3c4d') && !isMarkOf(mark, '9a2b3c4d'), label);
  }
  assert.equal(isMarkOf(undefined, '1a2b3c4d'), false);
});

test('loopback is no address that the machine has for itself', () => {
  assert.deepEqual(machineAddresses().get('127.0.0.1'), {
    interfaceName: 'lo',
    mark: undefined,
    isOwn: false,
  });
});
