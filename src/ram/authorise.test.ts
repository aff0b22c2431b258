import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { authorise, type Principal } from './authorise.ts';
import { parsePolicy } from './policy.ts';

const site = (id: string) => `acs:sluice:${id}:1000000000000001:site/${id}`;
const forwarder = (id: string) => ({ kind: 'forwarder', site: id }) as const;
const effectOf = (principal: Principal, action: string, resource: string) =>
  authorise(principal, { action, resource, context: {} }).effect;

describe('who may do what', () => {
  test('the account itself may do everything', () => {
    for (const action of ['ens:RemoveBackendServers', 'sluice:WatchSite']) {
      assert.equal(effectOf({ kind: 'root' }, action, '*'), 'Allow');
    }
  });

  test('a forwarder may watch and report its own site', () => {
    for (const action of ['sluice:WatchSite', 'sluice:ReportSite']) {
      const own = { action, resource: site('hz'), context: {} };
      const { effect, decidedBy } = authorise(forwarder('hz'), own);
      assert.deepEqual({ effect, decidedBy }, { effect: 'Allow', decidedBy: 'forwarder' });
    }
  });

  test('it may not watch another site, or all of them', () => {
    for (const resource of [site('sh'), site('*'), site('xhz'), '*', '']) {
      assert.equal(effectOf(forwarder('hz'), 'sluice:WatchSite', resource), 'ImplicitDeny');
    }
  });

  test('it may do nothing else, its own site included', () => {
    for (const action of [
      'ens:RemoveBackendServers',
      'sluice:RegisterForwarder',
      'ens:WatchSite',
    ]) {
      assert.equal(effectOf(forwarder('hz'), action, site('hz')), 'ImplicitDeny');
    }
  });

  test('the forwarder of all sites may watch any of them', () => {
    for (const resource of [site('hz'), site('*')]) {
      assert.equal(effectOf(forwarder('*'), 'sluice:WatchSite', resource), 'Allow');
    }
  });

  test('users and roles may do what their policies and their session allow', () => {
    const text = (action: string) =>
      JSON.stringify({
        Version: '1',
        Statement: { Effect: 'Allow', Action: action, Resource: '*' },
      });
    const policy = parsePolicy(text('ens:*'), 'identity');
    const attached = { type: 'Custom', name: 'p', version: 'v1', attachedTo: 'user/a' } as const;
    const user = { kind: 'identity', policies: [{ ...attached, policy }] } as const;
    assert.equal(effectOf(user, 'ens:DescribeServer', '*'), 'Allow');
    assert.equal(effectOf(user, 'ram:ListUsers', '*'), 'ImplicitDeny');
    const session = parsePolicy(text('ens:Remove*'), 'session');
    assert.equal(effectOf({ ...user, session }, 'ens:DescribeServer', '*'), 'ImplicitDeny');
  });
});
