import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import type { BackendServer, LoadBalancer } from '../../src/elb/types.ts';
import { UnsafeValue } from '../../src/forwarder/haproxy/names.ts';
import { printBase } from '../../src/forwarder/nftables/base.ts';
import { planTransaction } from '../../src/forwarder/nftables/plan.ts';
import { controls, hostileSigns } from '../support/bad-values.ts';
import { plainTcp, udp } from '../support/kernel.ts';
import { loadBalancer } from '../support/load-balancers.ts';
import { makeNamespace } from '../support/namespaces.ts';

/** Runs nft on lines; its errors, or nothing. */
function nftIn(t: Parameters<typeof makeNamespace>[0]) {
  const machine = makeNamespace(t);
  const folder = mkdtempSync(join(tmpdir(), 'ruleset-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return (lines: readonly string[], ...flags: readonly string[]): string => {
    const file = join(folder, 'lines.nft');
    writeFileSync(file, `${lines.join('\n')}\n`);
    try {
      machine.run('nft', ...flags, '-f', file);
      return '';
    } catch (error) {
      return String((error as { stderr?: unknown }).stderr ?? error);
    }
  };
}

test('nft takes what is rendered, from each state to the next', (t) => {
  const nft = nftIn(t);
  const folder = fileURLToPath(new URL('../../src/forwarder/nftables/testdata', import.meta.url));
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.in.json'))) {
    const states = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<
      'before' | 'after',
      LoadBalancer | null
    >;
    const [before, after] = [states.before ?? undefined, states.after ?? undefined];
    assert.equal(nft([...printBase(), ...planTransaction(undefined, before)]), '', name);
    assert.equal(nft(planTransaction(before, after)), '', name);
    assert.equal(nft(planTransaction(after, undefined)), '', name);
  }
});

const good = {
  id: fc.stringMatching(/^lb-[a-z0-9]{1,20}$/, { maxLength: 23 }),
  ip: fc.ipV4(),
  port: fc.integer({ min: 0, max: 65_535 }),
  weight: fc.integer({ min: 0, max: 100 }),
};
const hostile = fc.oneof(
  fc.constantFrom(...hostileSigns, ...controls, '}', '{ drop }', '@th', '#', '$x', '*', 'ip6'),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const text = (arbitrary: fc.Arbitrary<string>) =>
  fc.oneof(
    { weight: 9, arbitrary },
    { weight: 1, arbitrary: hostile },
    {
      weight: 1,
      arbitrary: fc.tuple(arbitrary, hostile).map((parts) => parts.join('')),
    },
  );
const number = (arbitrary: fc.Arbitrary<number>) =>
  fc.oneof(
    { weight: 12, arbitrary },
    { weight: 1, arbitrary: fc.oneof(fc.double(), fc.constantFrom(-1, 1e21, Number.NaN)) },
    { weight: 1, arbitrary: hostile as fc.Arbitrary<unknown> as fc.Arbitrary<number> },
  );

const backend = fc.record({
  serverId: text(good.id),
  type: text(fc.constantFrom('ens', 'eni')) as fc.Arbitrary<BackendServer['type']>,
  ip: text(good.ip),
  port: number(good.port),
  weight: number(good.weight),
});
const scheduler = fc.constantFrom('wrr', 'wlc', 'rr', 'sch', 'tch', 'qch', 'iqch');

const anything = fc
  .record({
    id: text(good.id),
    address: text(good.ip),
    backends: fc.uniqueArray(backend, {
      maxLength: 4,
      selector: ({ ip, port }) => `${ip} ${port}`,
    }),
    port: number(good.port),
    scheduler: text(scheduler),
    seconds: number(fc.integer({ min: 10, max: 900 })),
    memory: number(fc.integer({ min: 0, max: 3_600 })),
  })
  .map(({ id, address, backends, port, scheduler: how, seconds, memory }) => {
    const more = { scheduler: how as never, establishedTimeoutSeconds: seconds };
    const listeners = [
      udp(port, more),
      plainTcp(port, { ...more, persistenceTimeoutSeconds: memory }),
    ];
    return { ...loadBalancer(id, []), address, backends, listeners };
  });

test('whatever a value holds, nft reads what was meant or it is refused', (t) => {
  const nft = nftIn(t);
  assert.equal(nft(printBase()), '');
  const line = new RegExp(
    '^(add|delete|flush) (rule|chain|set|element|ct timeout) inet sluice ' +
      '[A-Za-z0-9.-]+( [A-Za-z0-9 .,:;@&=<>{}"_-]*)?$',
  );
  let taken = 0;
  const one = (wanted: LoadBalancer) => {
    let lines: readonly string[];
    try {
      lines = planTransaction(undefined, wanted);
    } catch (error) {
      assert.ok(error instanceof UnsafeValue, String(error));
      return;
    }
    for (const each of lines) assert.match(each, line);
    assert.equal(nft(lines, '-c'), '');
    taken += 1;
  };
  fc.assert(fc.property(anything, one), { numRuns: 300 });
  assert.ok(taken > 30, `${taken} were taken`);
});
