import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressAt, lowestFreeAddress } from './addresses.ts';
import { contains, parseBlock } from './cidr.ts';

/** All addresses that a pool gives, in the order it gives them. */
function drawAll(pool: string): string[] {
  const block = parseBlock(pool)!;
  const taken = new Set<string>();
  for (let address = next(); address !== undefined; address = next()) taken.add(address);
  return [...taken];

  function next() {
    return lowestFreeAddress(block, taken);
  }
}

test('a pool gives each host address once, lowest first, then none', () => {
  assert.deepEqual(
    drawAll('192.0.2.0/29'),
    [1, 2, 3, 4, 5, 6].map((host) => `192.0.2.${host}`),
  );
  assert.deepEqual(drawAll('2001:db8::/126'), ['2001:db8::1', '2001:db8::2', '2001:db8::3']);
});

test('a pool of one or two addresses gives them all', () => {
  assert.deepEqual(drawAll('127.0.0.1/32'), ['127.0.0.1']);
  assert.deepEqual(drawAll('192.0.2.0/31'), ['192.0.2.0', '192.0.2.1']);
  assert.deepEqual(drawAll('::1/128'), ['::1']);
  assert.deepEqual(drawAll('2001:db8::/127'), ['2001:db8::', '2001:db8::1']);
});

test('a loopback pool starts at 127.0.0.1', () => {
  assert.equal(lowestFreeAddress(parseBlock('127.0.0.0/8')!, new Set()), '127.0.0.1');
});

test('an address that came free is given again', () => {
  const taken = new Set(['192.0.2.1', '192.0.2.3']);
  assert.equal(lowestFreeAddress(parseBlock('192.0.2.0/24')!, taken), '192.0.2.2');
});

test('every number stands for a host address of the pool, and all have one', () => {
  const pools = fc.constantFrom('192.0.2.0/29', '10.0.0.0/8', '::1/128', '2001:db8::/64');
  fc.assert(
    fc.property(pools, fc.bigInt(0n, 2n ** 64n), (pool, number) => {
      const block = parseBlock(pool)!;
      const address = addressAt(block, number);
      assert.ok(contains(block, parseBlock(`${address}/${block.bits}`)!));
      assert.ok(!['192.0.2.0', '192.0.2.7', '10.255.255.255'].includes(address));
    }),
  );
  const all = Array.from({ length: 6 }, (_, n) =>
    addressAt(parseBlock('192.0.2.0/29')!, BigInt(n)),
  );
  assert.deepEqual(all, drawAll('192.0.2.0/29'));
});
