import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { peerOf, trustedProxies } from './peer.ts';

const proxies = trustedProxies(['10.0.0.1', '192.0.2.0/24', '2001:db8::/64']);
const from = (remoteAddress: string, encrypted = false) =>
  ({ remoteAddress, ...(encrypted ? { encrypted } : {}) }) as unknown as Socket;

describe('who calls', () => {
  const cases: [string, string, Record<string, string>, string, boolean][] = [
    ['a stranger is who he is', '203.0.113.9', {}, '203.0.113.9', false],
    [
      'a stranger cannot say otherwise',
      '203.0.113.9',
      { 'x-forwarded-for': '10.9.9.9', 'x-forwarded-proto': 'https' },
      '203.0.113.9',
      false,
    ],
    ['a proxy tells of its caller', '10.0.0.1', { 'x-forwarded-for': '1.2.3.4' }, '1.2.3.4', false],
    [
      'what the caller wrote before that is not believed',
      '10.0.0.1',
      { 'x-forwarded-for': '6.6.6.6, 1.2.3.4, 192.0.2.7' },
      '1.2.3.4',
      false,
    ],
    [
      'text that is no address ends it',
      '10.0.0.1',
      { 'x-forwarded-for': '1.2.3.4, x' },
      '10.0.0.1',
      false,
    ],
    ['a proxy that calls by itself', '10.0.0.1', {}, '10.0.0.1', false],
    ['TLS ended at a proxy', '192.0.2.1', { 'x-forwarded-proto': 'HTTPS' }, '192.0.2.1', true],
    [
      'the last proxy has the last word on TLS',
      '192.0.2.1',
      { 'x-forwarded-proto': 'https, http' },
      '192.0.2.1',
      false,
    ],
    ['IPv6', '2001:db8::5', { 'x-forwarded-for': '2001:db9::1' }, '2001:db9::1', false],
    ['IPv4 in IPv6', '::ffff:10.0.0.1', { 'x-forwarded-for': '::ffff:1.2.3.4' }, '1.2.3.4', false],
  ];
  for (const [what, remote, headers, sourceIp, secure] of cases) {
    test(what, () => {
      assert.deepEqual(peerOf({ socket: from(remote), headers }, proxies), { sourceIp, secure });
    });
  }

  test('without trusted proxies nothing that is said counts; TLS of our own does', () => {
    const headers = { 'x-forwarded-for': '1.2.3.4', 'x-forwarded-proto': 'http' };
    const seen = peerOf({ socket: from('10.0.0.1', true), headers });
    assert.deepEqual(seen, { sourceIp: '10.0.0.1', secure: true });
  });

  for (const text of [
    '',
    '10.0.0.0/33',
    '10.0.0/8',
    '::/129',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    'host',
  ]) {
    test(`"${text}" is no proxy`, () => assert.throws(() => trustedProxies([text]), TypeError));
  }
});
