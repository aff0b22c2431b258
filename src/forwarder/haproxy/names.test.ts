import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { balancer, http, tcp, verdict } from '../../../test/support/haproxy.ts';
import type { BackendKey, LoadBalancer } from '../../elb/types.ts';
import {
  addressToken,
  endpoint,
  parseSection,
  parseServer,
  sectionPrefix,
  serverName,
  UnsafeValue,
} from './names.ts';
import { planCommands } from './plan.ts';
import { carry, renderFile } from './render.ts';
import { RuntimeSocket } from './runtime.ts';

const id = fc.stringMatching(/^[A-Za-z0-9-]{1,64}$/);
const ip = fc.oneof(fc.ipV4(), fc.ipV6()).map((address) => addressToken(address));
const port = fc.integer({ min: 0, max: 65_535 });
const key: fc.Arbitrary<BackendKey> = fc
  .tuple(id, fc.constantFrom('ens' as const, 'eni' as const), ip, port)
  .map(([serverId, type, address, number]) => ({ serverId, type, ip: address, port: number }));

test("a slot's name tells its server, and no other's", () => {
  fc.assert(
    fc.property(key, (server) => assert.deepEqual(parseServer(serverName(server)), server)),
  );
});

test("a section's name tells its listener", () => {
  fc.assert(
    fc.property(
      id,
      fc.integer({ min: 1, max: 65_535 }),
      fc.constantFrom(tcp, http),
      (loadBalancerId, number, kind) => {
        const prefix = sectionPrefix(loadBalancerId, kind(number));
        const { protocol } = kind(number);
        assert.deepEqual(parseSection(`${prefix}.0123456789ab.pool`), {
          loadBalancerId,
          listener: `${protocol}:${number}`,
          prefix,
          role: 'pool',
        });
      },
    ),
  );
});

test('one IPv6 address has one name', () => {
  assert.equal(endpoint('2001:DB8:0::1', 80), '[2001:db8::1]:80');
  assert.equal(endpoint('2001:db8:0:0:0::1', 80), '[2001:db8::1]:80');
  assert.throws(() => addressToken('fe80::1%eth0'), UnsafeValue);
});

/** Texts that would say something else to HAProxy if they reached it as they are. */
const hostile = fc.oneof(
  fc.constantFrom(
    '\n',
    ';',
    ' ',
    "'",
    '"',
    '\\',
    '#',
    '$HOME',
    '%[src]',
    '/',
    '',
    '\0',
    'a\nbind :1',
  ),
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc
    .tuple(fc.string({ maxLength: 9 }), fc.constantFrom('\n', '; ', "'"), fc.string())
    .map((parts) => parts.join('')),
);

const fields: Record<string, (text: string) => Partial<LoadBalancer>> = {
  id: (text) => ({ id: text }),
  name: (text) => ({ name: text }),
  address: (text) => ({ address: text }),
  description: (text) => ({ listeners: [http(80, { description: text })] }),
  uri: (text) => ({ listeners: [http(80, probe({ uri: text }))] }),
  domain: (text) => ({ listeners: [http(80, probe({ domain: text }))] }),
  httpCode: (text) => ({ listeners: [http(80, probe({ httpCode: text }))] }),
  scheduler: (text) => ({ listeners: [http(80, { scheduler: text as never })] }),
  serverId: (text) => ({ backends: [{ ...backend, serverId: text }] }),
  serverType: (text) => ({ backends: [{ ...backend, type: text as never }] }),
  serverIp: (text) => ({ backends: [{ ...backend, ip: text }] }),
  port: (text) => ({ listeners: [http(text as never)] }),
  serverPort: (text) => ({ backends: [{ ...backend, port: text as never }] }),
  weight: (text) => ({ backends: [{ ...backend, weight: text as never }] }),
};
const backend = { serverId: 'i-1', type: 'ens', ip: '10.0.0.1', port: 80, weight: 100 } as const;
const plain = balancer('lb-1', { listeners: [http(80)], backends: [backend] });

function probe(health: Partial<(typeof plain.listeners)[0]['health']>) {
  return { health: { ...http(80).health, kind: 'http', ...health } } as const;
}

/** What a line of a section may begin with: no text of a caller's can add a word to these. */
const words =
  /^((front|back)end|mode|bind|timeout|option|\w+_backend|balance|server|(http|tcp)-\w+|retry-on)$/;

test('no text of a caller becomes a line, a word or a command of HAProxy', () => {
  const sample = new Set<string>();
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(fields)), hostile, (field, text) => {
      const wanted = { ...plain, ...fields[field]!(text) };
      let rendered: string;
      let commands: string[];
      try {
        rendered = renderFile(carry(wanted));
        commands = planCommands(plain, wanted);
      } catch (error) {
        assert.ok(error instanceof UnsafeValue, `${field}: ${error}`);
        return;
      }
      assert.match(rendered, /^[\x20-\x7e\n]*$/);
      for (const line of rendered.split('\n').filter(Boolean)) {
        assert.match(line.trim().split(' ')[0]!, words);
      }
      for (const command of commands) assert.match(command, /^[\x20-\x3a\x3c-\x7e]+$/);
      if (sample.size < 20) sample.add(rendered);
    }),
    { numRuns: 3_000 },
  );
  for (const rendered of sample) assert.equal(verdict(rendered), '');
});

test('a command that could end its line is not sent', async () => {
  const socket = new RuntimeSocket('/nonexistent');
  for (const command of ['show info;show env', 'show info\n', 'a\rb', 'ä', '']) {
    await assert.rejects(socket.run([command]), /no command for HAProxy/);
  }
});
