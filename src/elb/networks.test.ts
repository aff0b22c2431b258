import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatBlock, overlaps, parseBlock } from './cidr.ts';
import {
  checkVSwitchBlock,
  freeAddresses,
  isIpv6Block,
  isNetworkBlock,
  isVSwitchBlock,
} from './networks.ts';
import { Refusal } from './refusal.ts';

test('a network lies within one of the private blocks', () => {
  for (const block of ['10.0.0.0/8', '10.9.0.0/16', '172.31.0.0/16', '192.168.0.0/16']) {
    assert.ok(isNetworkBlock(block), block);
  }
  for (const block of ['10.0.0.0/7', '172.32.0.0/16', '192.0.2.0/24', 'fd00::/8', '10.0.0.0']) {
    assert.ok(!isNetworkBlock(block), block);
  }
});

test('the mask of a vSwitch has 16 to 29 bits', () => {
  for (const block of ['10.0.0.0/16', '192.168.1.8/29']) assert.ok(isVSwitchBlock(block), block);
  for (const block of ['10.0.0.0/15', '10.0.0.0/30', 'fd00::/64', '']) {
    assert.ok(!isVSwitchBlock(block), block);
  }
});

test('a block is written by its first address', () => {
  assert.ok(!isNetworkBlock('10.0.0.1/8'));
  assert.ok(!isVSwitchBlock('10.0.0.1/24'));
  assert.ok(!isIpv6Block('2001:db8::1/64'));
  assert.ok(isIpv6Block('2001:db8::/64'));
  assert.ok(!isIpv6Block('10.0.0.0/24'));
});

describe('the block of a new vSwitch', () => {
  const siblings = [{ id: 'vsw-1', cidr: '10.0.1.0/24' }];

  test('lies within its network', () => {
    checkVSwitchBlock('10.0.2.0/24', '10.0.0.0/16', siblings);
    assert.throws(
      () => checkVSwitchBlock('10.1.0.0/24', '10.0.0.0/16', siblings),
      isRefused(/not within 10\.0\.0\.0\/16/),
    );
  });

  test('shares no address with a sibling, however they lie in one another', () => {
    for (const block of ['10.0.1.0/24', '10.0.1.128/25', '10.0.0.0/23']) {
      assert.throws(
        () => checkVSwitchBlock(block, '10.0.0.0/16', siblings),
        isRefused(/overlaps 10\.0\.1\.0\/24 of vsw-1/),
        block,
      );
    }
  });

  const block = fc
    .tuple(fc.integer({ min: 16, max: 29 }), fc.nat(65_535))
    .map(([prefix, low]) => formatBlock(parseBlock(`10.0.${low >> 8}.${low & 255}/${prefix}`)!));

  test('leaves no two vSwitches of a network that overlap, whatever is asked for', () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 30 }), (wanted) => {
        const made: { id: string; cidr: string }[] = [];
        for (const cidr of wanted) {
          try {
            checkVSwitchBlock(cidr, '10.0.0.0/16', made);
          } catch (error) {
            assert.ok(error instanceof Refusal);
            continue;
          }
          made.push({ id: cidr, cidr });
        }
        assert.equal(made.length > 0, wanted.length > 0);
        for (const [index, a] of made.entries()) {
          for (const b of made.slice(index + 1)) {
            assert.ok(!overlaps(parseBlock(a.cidr)!, parseBlock(b.cidr)!), `${a.cidr} ${b.cidr}`);
          }
        }
      }),
    );
  });
});

describe('the free addresses of a vSwitch', () => {
  test('are those of its block less the four that are nobody’s', () => {
    assert.equal(freeAddresses('10.0.0.0/24', []), 252);
    assert.equal(freeAddresses('10.0.0.0/29', []), 4);
  });

  test('are fewer by each address in use in the block, counted once', () => {
    const used = ['10.0.0.9', '10.0.0.9', '10.0.0.10', '127.0.0.1', '2001:db8::1'];
    assert.equal(freeAddresses('10.0.0.0/24', used), 250);
  });

  test('are never fewer than none', () => {
    const used = [1, 2, 3, 4, 5, 6].map((host) => `10.0.0.${host}`);
    assert.equal(freeAddresses('10.0.0.0/29', used), 0);
  });
});

function isRefused(detail: RegExp) {
  return (error: unknown) =>
    error instanceof Refusal &&
    error.code === 'InvalidParameter.%s' &&
    error.subject === 'CidrBlock' &&
    detail.test(error.detail ?? '');
}
