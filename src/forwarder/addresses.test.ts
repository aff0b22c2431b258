import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silent } from '../../test/support/log.ts';
import { MemoryDisk } from '../../test/support/memory-disk.ts';
import { openAddresses } from './addresses.ts';

const options = {
  interfaceName: 'lo',
  instance: '0a1b2c3d',
  boot: 'boot-1',
  now: Date.now,
  log: silent,
};

/** The program `ip` cannot be found while `run` runs. */
async function withoutIp<T>(run: () => Promise<T>): Promise<T> {
  const path = process.env.PATH;
  process.env.PATH = '/nonexistent';
  try {
    return await run();
  } finally {
    process.env.PATH = path;
  }
}

test('an address that the machine has needs nothing, not even the program ip', async () => {
  const addresses = await openAddresses({ ...options, disk: new MemoryDisk() });
  await withoutIp(async () => {
    for (const address of ['127.0.0.1', '127.9.8.7', '::1']) {
      assert.equal(await addresses.hold('lb-1', address), undefined);
    }
    await addresses.release('lb-1');
  });
});

test('an address that no load balancer may have is refused, and nothing is written', async () => {
  const disk = new MemoryDisk();
  const addresses = await openAddresses({ ...options, disk });
  for (const address of [
    '169.254.169.254',
    '224.0.0.9',
    'fe80::1',
    '::ffff:127.0.0.1',
    '0.0.0.0',
  ]) {
    const reason = await addresses.hold('lb-1', address);
    assert.equal(reason, `cannot have ${address} here: no load balancer may have it`);
  }
  assert.equal(await disk.read('addresses.json'), undefined);
});

test('without the program ip the reason says so, and nothing counts as added', async () => {
  const disk = new MemoryDisk();
  const addresses = await openAddresses({ ...options, disk });
  await withoutIp(async () => {
    const reason = await addresses.hold('lb-1', '192.0.2.1');
    assert.equal(reason, 'cannot have 192.0.2.1 here: the program ip (iproute2) is not there');
    await addresses.release('lb-1');
  });
  assert.deepEqual(JSON.parse((await disk.read('addresses.json')) ?? ''), {
    boot: 'boot-1',
    added: {},
  });
});

test('what the machine has after a boot is nobody’s to take away', async () => {
  const disk = new MemoryDisk();
  const added = { 'lb-1': { address: '127.0.0.1', interfaceName: 'lo' } };
  await disk.replace('addresses.json', JSON.stringify({ boot: 'boot-0', added }));
  const addresses = await openAddresses({ ...options, disk });
  await withoutIp(() => addresses.keepOnly(new Set()));
});

test('a file that cannot be read keeps no forwarder from starting', async () => {
  const disk = new MemoryDisk();
  await disk.replace('addresses.json', '{');
  const addresses = await openAddresses({ ...options, disk });
  assert.equal(await addresses.hold('lb-1', '127.0.0.1'), undefined);
});
