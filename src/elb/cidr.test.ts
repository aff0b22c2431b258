import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  canonicalAddress,
  contains,
  formatAddress,
  formatBlock,
  hasHostBits,
  isUnicast,
  overlaps,
  parseAddress,
  parseBlock,
  sizeOf,
} from './cidr.ts';

const ipv4 = fc.bigInt(0n, 2n ** 32n - 1n).map((value) => formatAddress(32, value));
const ipv6 = fc.bigInt(0n, 2n ** 128n - 1n).map((value) => formatAddress(128, value));

test('an address survives being written and read', () => {
  fc.assert(
    fc.property(fc.oneof(ipv4, ipv6), (address) => {
      const { bits, value } = parseAddress(address)!;
      assert.equal(formatAddress(bits, value), address);
    }),
  );
});

test('every way to write an address has one canonical text', () => {
  for (const [written, canonical] of [
    ['10.0.0.1', '10.0.0.1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:0:2:0:0:3:4', '1::2:0:0:3:4'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['10:0:0:1:2:3:4:5', '10::1:2:3:4:5'],
  ] as const) {
    assert.equal(canonicalAddress(written), canonical, written);
  }
});

test('the canonical text of IPv6 is the one that the platform gives', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant(0), fc.nat(65_535)), size(8)), (groups) => {
      const text = groups.map((group) => group.toString(16)).join(':');
      const { hostname } = new URL(`http://[${text}]/`);
      assert.equal(canonicalAddress(text), hostname.slice(1, -1));
    }),
  );
});

function size(length: number) {
  return { minLength: length, maxLength: length };
}

test('what is no address is none', () => {
  for (const text of ['', '1.2.3', '1.2.3.256', '1.2.3.4.5', ':', ':::', '1::2::3', 'g::1']) {
    assert.equal(parseAddress(text), undefined, text);
  }
  for (const text of ['10.0.0.010', '00.0.0.1', ' 10.0.0.1', '10.0.0.1\n']) {
    assert.equal(parseAddress(text), undefined, JSON.stringify(text));
  }
  for (const text of ['1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '12345::', '1:2:3:4:5:6:7::8']) {
    assert.equal(canonicalAddress(text), undefined, text);
  }
});

test('a block starts at its first address, whichever was written', () => {
  assert.deepEqual(parseBlock('10.1.2.3/16'), parseBlock('10.1.0.0/16'));
  assert.deepEqual(parseBlock('2001:db8::5/64'), parseBlock('2001:db8::/64'));
  assert.equal(sizeOf(parseBlock('10.0.0.0/24')!), 256n);
  assert.equal(sizeOf(parseBlock('::1/128')!), 1n);
});

test('what is no block is none', () => {
  for (const text of ['10.0.0.0', '10.0.0.0/', '10.0.0.0/33', '::/129', 'x/8', '10.0.0.0/-1']) {
    assert.equal(parseBlock(text), undefined, text);
  }
  for (const text of ['10.0.0.0/8/9', '10.0.0.0/08', '010.0.0.0/8']) {
    assert.equal(parseBlock(text), undefined, text);
  }
});

test('a block has one canonical text, and one that names an address inside it is noticed', () => {
  assert.equal(formatBlock(parseBlock('10.1.2.3/16')!), '10.1.0.0/16');
  assert.equal(formatBlock(parseBlock('2001:DB8:0::/48')!), '2001:db8::/48');
  for (const text of ['10.1.2.3/16', '2001:db8::1/64']) assert.ok(hasHostBits(text), text);
  for (const text of ['10.1.0.0/16', '10.1.2.3/32', '2001:DB8::/64']) {
    assert.ok(!hasHostBits(text), text);
  }
});

test('an address that no single machine has is not unicast', () => {
  for (const text of ['0.0.0.0', '224.0.0.1', '255.255.255.255', '::', 'ff02::1', 'x']) {
    assert.ok(!isUnicast(text), text);
  }
  for (const text of ['1.0.0.0', '127.0.0.1', '10.0.0.1', '223.255.255.255', '::1', 'fe80::1']) {
    assert.ok(isUnicast(text), text);
  }
});

test('a block contains its parts and overlaps them, and nothing else', () => {
  const block = (text: string) => parseBlock(text)!;
  assert.ok(contains(block('10.0.0.0/8'), block('10.9.0.0/16')));
  assert.ok(contains(block('10.0.0.0/8'), block('10.0.0.0/8')));
  assert.ok(!contains(block('10.9.0.0/16'), block('10.0.0.0/8')));
  assert.ok(!contains(block('10.0.0.0/16'), block('10.0.0.0/8')));
  assert.ok(!contains(block('10.0.0.0/8'), block('11.0.0.0/16')));
  assert.ok(!contains(block('::/0'), block('10.0.0.0/8')));
  assert.ok(overlaps(block('10.9.0.0/16'), block('10.0.0.0/8')));
  assert.ok(!overlaps(block('10.0.0.0/16'), block('10.1.0.0/16')));
});
