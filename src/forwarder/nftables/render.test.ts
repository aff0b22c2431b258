import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { plainTcp, udp } from '../../../test/support/kernel.ts';
import { loadBalancer } from '../../../test/support/load-balancers.ts';
import { PacketTracer } from '../../../test/support/packet-tracer.ts';
import type { BackendServer, LoadBalancer, Scheduler } from '../../elb/types.ts';
import { planFragments, planTransaction } from './plan.ts';

const folder = join(import.meta.dirname, 'testdata');
const address = '10.0.0.9';

function servers(count: number, weight = 100): BackendServer[] {
  return Array.from({ length: count }, (_, index) => ({
    serverId: `i-${index + 1}`,
    type: 'ens',
    ip: `10.0.1.${index + 1}`,
    port: 0,
    weight,
  }));
}

function over(parts: Partial<LoadBalancer>): LoadBalancer {
  return { ...loadBalancer('lb-1', []), address, ...parts };
}

describe('what nft is told from one state to the next', () => {
  const names = readdirSync(folder).filter((name) => name.endsWith('.in.json'));
  for (const name of names) {
    test(name, () => {
      const { before, after } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<
        'before' | 'after',
        LoadBalancer | null
      >;
      const text = planTransaction(before ?? undefined, after ?? undefined).map(
        (line) => `${shortened(line)}\n`,
      );
      const path = join(folder, name.replace('.in.json', '.nft'));
      // With SLUICE_GOLDEN=write files are written: read the difference then.
      if (process.env.SLUICE_GOLDEN === 'write') writeFileSync(path, text.join(''));
      assert.equal(text.join(''), existsSync(path) ? readFileSync(path, 'utf8') : undefined);
    });
  }
});

/** A hash has 1,024 slots: how many, and the first ones, say enough to a reader. */
function shortened(line: string): string {
  return line.replace(/map \{ (.{200})[^}]*, (\d+) : [^}]*\}/, 'map { $1 … and on to slot $2 }');
}

describe('where a packet goes', () => {
  const client = { from: '10.0.2.1', fromPort: 4_000, to: address };
  const traced = (parts: Partial<LoadBalancer>, tracer = new PacketTracer()) => {
    tracer.load(...planFragments(over(parts)));
    return tracer;
  };
  const dns = { ...client, protocol: 'udp', toPort: 53 } as const;
  const web = { ...client, protocol: 'tcp', toPort: 80 } as const;
  const counts = (fates: readonly string[]) =>
    Object.fromEntries([...Map.groupBy(fates, (fate) => fate)].map(([k, v]) => [k, v.length]));

  test('weights are kept, evenly spread', () => {
    const backends = servers(3).map((server, index) => ({ ...server, weight: [5, 3, 2][index]! }));
    const tracer = traced({ listeners: [udp(53)], backends });
    const fates = Array.from({ length: 1_000 }, () => tracer.trace(dns));
    assert.deepEqual(counts(fates), {
      '10.0.1.1:53': 500,
      '10.0.1.2:53': 300,
      '10.0.1.3:53': 200,
    });
    assert.ok(new Set(fates.slice(0, 4)).size === 3, 'nobody waits for its turn');
  });

  test('a listener that is stopped or of a load balancer at rest is the machine’s own', () => {
    const backends = servers(2);
    const stopped = traced({ listeners: [udp(53, { running: false })], backends });
    const resting = traced({ listeners: [udp(53)], backends, status: 'InActive' });
    assert.equal(stopped.trace(dns), 'this machine');
    assert.equal(resting.trace(dns), 'this machine');
  });

  test('no server, or all at weight 0: TCP is refused and UDP dropped', () => {
    for (const backends of [[], servers(2, 0)]) {
      const tracer = traced({ listeners: [udp(53), plainTcp(80)], backends });
      assert.deepEqual([tracer.trace(dns), tracer.trace(web)], ['dropped', 'refused']);
    }
  });

  test('what is left of a TCP session that was cut is refused', () => {
    const tracer = traced({ listeners: [plainTcp(80)], backends: servers(2) });
    assert.equal(tracer.trace({ ...web, isMidway: true }), 'refused');
  });

  test('a known client comes back, unless its server takes no new sessions', () => {
    const listeners = [plainTcp(80, { persistenceTimeoutSeconds: 60 })];
    const tracer = traced({ listeners, backends: servers(3) });
    const first = tracer.trace(web);
    for (let n = 0; n < 6; n++) assert.equal(tracer.trace(web), first);
    assert.notEqual(tracer.trace({ ...web, from: '10.0.2.2' }), first);
    tracer.now = 60_000;
    assert.notEqual(tracer.trace(web), first);
    const last = tracer.trace(web);
    const backends = servers(3).map((server) =>
      last.startsWith(`${server.ip}:`) ? { ...server, weight: 0 } : server,
    );
    traced({ listeners, backends }, tracer);
    assert.notEqual(tracer.trace(web), last);
  });

  const schedulers: readonly Scheduler[] = ['sch', 'tch', 'qch', 'iqch'];
  for (const scheduler of schedulers) {
    test(`${scheduler}: a removal moves nobody but the clients of the removed server`, () => {
      const listeners = [udp(53, { scheduler })];
      const fates = (backends: readonly BackendServer[]) => {
        const tracer = traced({ listeners, backends });
        return Array.from({ length: 2_000 }, (_, n) => {
          const payload = Buffer.alloc(20);
          payload.writeUInt32BE(n * 7_919, 3);
          const from = `10.1.${n >> 8}.${n & 255}`;
          return tracer.trace({ ...dns, from, fromPort: n, payload });
        });
      };
      const before = fates(servers(5));
      const after = fates(servers(5).slice(1));
      const moved = before.filter((fate, n) => fate !== after[n]);
      assert.deepEqual([...new Set(moved)], ['10.0.1.1:53']);
      assert.ok(Object.values(counts(before)).every((count) => count > 250 && count < 550));
    });
  }

  test('a QUIC connection stays when its client moves, in long headers and in short ones', () => {
    for (const scheduler of ['qch', 'iqch'] as const) {
      const tracer = traced({ listeners: [udp(53, { scheduler })], backends: servers(5) });
      for (let n = 0; n < 50; n++) {
        const id = Buffer.from([1, n, 2, n, n * 3, 9, n, 4]);
        const long = Buffer.concat([Buffer.from([0xc3, 0, 0, 0, 1, 8]), id, Buffer.alloc(30)]);
        const short = Buffer.concat([Buffer.from([0x41]), id, Buffer.alloc(30)]);
        const first = tracer.trace({ ...dns, payload: long });
        const moved = { ...dns, from: '10.9.9.9', fromPort: n };
        assert.equal(tracer.trace({ ...moved, payload: long }), first);
        assert.equal(tracer.trace({ ...moved, payload: short }), first);
      }
    }
  });
});
