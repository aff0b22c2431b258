import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { verdict } from '../../../test/support/haproxy.ts';
import type { LoadBalancer } from '../../elb/types.ts';
import { leasedSites, renderLeases } from './lease-lines.ts';
import { UnsafeValue } from './names.ts';
import { planCommands } from './plan.ts';
import { carry, renderFile } from './render.ts';

const folder = join(import.meta.dirname, 'testdata');

/** With SLUICE_GOLDEN=write, files are written instead of compared: read the difference then. */
function compare(name: string, text: string): void {
  const path = join(folder, name);
  if (process.env.SLUICE_GOLDEN === 'write') writeFileSync(path, text);
  assert.equal(text, existsSync(path) ? readFileSync(path, 'utf8') : undefined);
}

function read<T>(name: string): T {
  return JSON.parse(readFileSync(join(folder, name), 'utf8')) as T;
}

function cases(ending: string): string[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(ending));
  return names.map((name) => name.slice(0, -ending.length)).filter((name) => !name.includes('.'));
}

describe('sections of a load balancer', () => {
  for (const name of cases('.in.json')) {
    test(name, () => {
      const text = renderFile(carry(read<LoadBalancer>(`${name}.in.json`)));
      compare(`${name}.haproxy.cfg`, text);
      assert.equal(verdict(text), '');
    });
  }
});

describe('sections of a load balancer whose site is held to a lease', () => {
  for (const name of ['tcp', 'http', 'https']) {
    test(name, () => {
      const loadBalancer = read<LoadBalancer>(`${name}.in.json`);
      const { site } = loadBalancer;
      const leases = renderLeases([
        { site, wallEnd: 1_795_478_400_000 },
        { site: 'Site_2', wallEnd: 0 },
      ]);
      const text = `${renderFile(carry(loadBalancer, true))}\n${leases}`;
      compare(`${name}.leased.cfg`, text);
      assert.equal(verdict(text), '');
      assert.deepEqual(leasedSites(leases), [site, 'Site_2']);
    });
  }

  test('a site that could be read as more than its id is refused', () => {
    for (const site of ['', 'a b', 'a\nglobal', 'a}', 'é', 'a'.repeat(65)]) {
      assert.throws(() => renderLeases([{ site, wallEnd: 0 }]), UnsafeValue);
    }
  });
});

describe('commands from one state to the next', () => {
  for (const name of cases('.plan.in.json')) {
    test(name, () => {
      const { before, after } = read<Record<'before' | 'after', LoadBalancer | null>>(
        `${name}.plan.in.json`,
      );
      const commands = planCommands(before ?? undefined, after ?? undefined);
      compare(`${name}.commands`, commands.map((command) => `${command}\n`).join(''));
    });
  }
});
