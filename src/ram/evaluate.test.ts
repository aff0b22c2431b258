import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { evaluate } from './evaluate.ts';

const site = (id: string) => `acs:sluice:${id}:1000000000000001:site/${id}`;
const forwarder = (id: string) => ({ kind: 'forwarder', site: id, name: 'fwd-1' }) as const;

describe('who may do what', () => {
  test('the account itself may do everything', () => {
    const principal = { kind: 'root' } as const;
    for (const action of ['ens:RemoveBackendServers', 'sluice:WatchSite']) {
      assert.equal(evaluate({ principal, action, resource: '*' }).allowed, true);
    }
  });

  test('a forwarder may watch and report its own site', () => {
    for (const action of ['sluice:WatchSite', 'sluice:ReportSite']) {
      const own = { principal: forwarder('hz'), action, resource: site('hz') };
      assert.deepEqual(evaluate(own), { allowed: true, decidedBy: 'forwarder' });
    }
  });

  test('it may not watch another site, or all of them', () => {
    for (const resource of [site('sh'), site('*'), site('xhz'), '*', '']) {
      const asked = { principal: forwarder('hz'), action: 'sluice:WatchSite', resource };
      assert.deepEqual(evaluate(asked), { allowed: false, decidedBy: 'ImplicitDeny' });
    }
  });

  test('it may do nothing else, its own site included', () => {
    for (const action of [
      'ens:RemoveBackendServers',
      'sluice:RegisterForwarder',
      'ens:WatchSite',
    ]) {
      const asked = { principal: forwarder('hz'), action, resource: site('hz') };
      assert.equal(evaluate(asked).allowed, false);
    }
  });

  test('the forwarder of all sites may watch any of them', () => {
    for (const resource of [site('hz'), site('*')]) {
      const asked = { principal: forwarder('*'), action: 'sluice:WatchSite', resource };
      assert.equal(evaluate(asked).allowed, true);
    }
  });
});
