import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBlock } from './cidr.ts';
import { backendProblem, isAssignable, ownEndpointAt, poolProblem } from './grounds.ts';

const any = { networks: [] };
const listed = { networks: ['10.0.0.0/8', '127.5.0.0/16'].map((text) => parseBlock(text)!) };

test('addresses of the link, of many and of nobody are assigned on no machine', () => {
  const never = [
    '169.254.0.1',
    'fe80::1',
    '224.0.0.1',
    'ff02::1',
    '0.0.0.0',
    '::',
    '255.255.255.255',
  ];
  for (const address of [...never, '::ffff:127.0.0.1', '::ffff:10.0.0.1', '::7f00:1', 'text']) {
    assert.equal(isAssignable(address), false, address);
    for (const isOperator of [true, false]) {
      assert.notEqual(backendProblem(address, any, isOperator), undefined, address);
    }
  }
  for (const address of ['127.0.0.1', '::1', '10.0.0.1', '203.0.113.9', '2001:db8::1']) {
    assert.equal(isAssignable(address), true, address);
    assert.equal(backendProblem(address, any, true), undefined, address);
  }
});

test('loopback is the first account’s, unless the operator lists it', () => {
  for (const [pool, byTenant] of [
    ['127.0.0.0/24', true],
    ['::1/128', true],
    ['10.1.0.0/16', false],
  ] as const) {
    const block = parseBlock(pool)!;
    assert.equal(poolProblem(block, any, true), undefined, pool);
    assert.equal(poolProblem(block, any, false) !== undefined, byTenant, pool);
  }
  assert.equal(poolProblem(parseBlock('127.5.1.0/24')!, listed, false), undefined);
  assert.match(poolProblem(parseBlock('127.6.0.0/24')!, listed, false) ?? '', /other networks/);
  assert.equal(poolProblem(parseBlock('127.6.0.0/24')!, listed, true), undefined);
  assert.match(poolProblem(parseBlock('192.0.2.0/24')!, listed, true) ?? '', /--pool-networks/);
  assert.match(backendProblem('192.0.2.1', listed, false) ?? '', /--backend-networks/);
});

test('a pool that only touches what is nobody’s is refused', () => {
  for (const pool of ['168.0.0.0/5', '192.0.0.0/2', 'fe00::/7', '::/0', '::/96']) {
    assert.notEqual(poolProblem(parseBlock(pool)!, any, true), undefined, pool);
  }
});

test('what listens at every address is at each of loopback and of the machine', () => {
  const endpoints = [
    { name: 'the API', host: '0.0.0.0', port: 8080 },
    { name: '/metrics', host: '127.0.0.1', port: 9464 },
  ];
  const at = (address: string, port: number) =>
    ownEndpointAt(address, port, endpoints, (each) => each === '192.0.2.5');
  for (const address of ['127.0.0.1', '127.9.9.9', '192.0.2.5']) {
    assert.equal(at(address, 8080), 'the API', address);
  }
  assert.equal(at('192.0.2.6', 8080), undefined);
  assert.equal(at('127.0.0.1', 9464), '/metrics');
  assert.equal(at('127.0.0.2', 9464), undefined);
});
