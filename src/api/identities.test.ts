import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { policyDocument } from '../../test/support/documents.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';
import { until } from '../../test/support/wait.ts';
import { systemTimers } from '../clock.ts';
import { evaluatePolicies } from '../ram/evaluate.ts';
import { keys } from '../store/keys.ts';
import { Identities } from './identities.ts';

const account = '1000000000000001';
const time = '2026-11-24T00:00:00Z';
const base = { v: 1, account, policies: [], createTime: time, updateTime: time };
const amy = { kind: 'user', id: '1', name: 'amy' } as const;
const role = { kind: 'role', id: '9', name: 'deploy', session: 'release' } as const;

const user = (more: object = {}) => ({ ...base, id: '1', name: 'amy', groups: [], ...more });
const policy = (document: string) => ({
  ...base,
  name: 'elb',
  versions: [{ id: 'v1', document, createTime: time }],
  defaultVersion: 'v1',
});
const attached = (name: string, type = 'Custom') => [{ type, name, date: time }];

let store: MemoryStore;
let views: Identities[];
let faults: string[];
beforeEach(() => {
  store = new MemoryStore(systemTimers);
  views = [];
  faults = [];
});
afterEach(() => {
  for (const view of views) view.close();
});

async function open(): Promise<Identities> {
  const view = await Identities.open(store, (_error, key) => faults.push(key));
  views.push(view);
  return view;
}

async function commit(puts: Readonly<Record<string, unknown>>, deletes: string[] = []) {
  const outcome = await store.commit({
    ifRevision: new Map(),
    puts: Object.entries(puts).map(([key, value]) => ({ key, value: JSON.stringify(value) })),
    deletes,
  });
  assert.ok(outcome.committed);
  return outcome.revision;
}

const own = keys.user(account, 'amy');
const isAllowed = (view: Identities, action: string) =>
  evaluatePolicies({ action, resource: '*', context: {} }, view.policiesOf(account, amy)).effect ===
  'Allow';

describe('the view of identities', () => {
  test('a user has its policies and those of its groups', async () => {
    const group = { ...base, id: '5', name: 'edge', members: 1 };
    await commit({
      [keys.policy(account, 'elb')]: policy(policyDocument('ens:Remove*')),
      [own]: user({ groups: [{ id: '5', date: time }], policies: attached('elb') }),
      [keys.group(account, 'edge')]: {
        ...group,
        policies: attached('AliyunENSReadOnlyAccess', 'System'),
      },
    });
    const view = await open();
    assert.ok(isAllowed(view, 'ens:RemoveBackendServers'));
    assert.ok(isAllowed(view, 'ens:DescribeLoadBalancers'));
    assert.ok(!isAllowed(view, 'ens:DeleteLoadBalancer'));
    const where = view.policiesOf(account, amy).map(({ attachedTo }) => attachedTo);
    assert.deepEqual(where, ['user/amy', 'group/edge']);
  });

  test('goes by a commit once it was told of it, on this plane and on others', async () => {
    await commit({
      [keys.policy(account, 'elb')]: policy(policyDocument('ens:*')),
      [own]: user(),
    });
    const [here, there] = [await open(), await open()];
    const revision = await commit({ [own]: user({ policies: attached('elb') }) });
    await here.reached(revision);
    assert.ok(isAllowed(here, 'ens:RemoveBackendServers'));
    await until(() => isAllowed(there, 'ens:RemoveBackendServers'), { what: 'the other plane' });
    await here.reached(await commit({ [own]: user() }));
    assert.ok(!isAllowed(here, 'ens:RemoveBackendServers'));
    await until(() => !isAllowed(there, 'ens:RemoveBackendServers'), { what: 'the other plane' });
  });

  test('a change of name takes nothing away, whichever record is told first', async () => {
    await commit({ [own]: user({ policies: attached('AdministratorAccess', 'System') }) });
    const view = await open();
    const renamed = user({ name: 'bob', policies: attached('AdministratorAccess', 'System') });
    await view.reached(await commit({ [keys.user(account, 'bob')]: renamed }, [own]));
    assert.ok(isAllowed(view, 'ens:RemoveBackendServers'));
    assert.equal(view.userName(account, '1'), 'bob');
    const back = { [own]: user() };
    await view.reached(await commit(back, [keys.user(account, 'bob')]));
    assert.equal(view.userName(account, '1'), 'amy');
  });

  test('another account, and a role that came after one of its name, have nothing', async () => {
    const policies = attached('AdministratorAccess', 'System');
    const roleKey = keys.role(account, 'deploy');
    await commit({
      [own]: user({ policies }),
      [roleKey]: { ...base, id: '9', name: 'deploy', policies },
    });
    const view = await open();
    assert.equal(view.policiesOf(account, role).length, 1);
    assert.deepEqual(view.policiesOf('2000000000000002', amy), []);
    await view.reached(await commit({}, [roleKey]));
    assert.deepEqual(view.policiesOf(account, role), []);
    const anew = { ...base, id: '10', name: 'deploy', policies };
    await view.reached(await commit({ [roleKey]: anew }));
    assert.deepEqual(view.policiesOf(account, role), []);
  });

  test('a policy that cannot be read allows nothing, and is not passed over', async () => {
    const all = [...attached('AdministratorAccess', 'System'), ...attached('elb')];
    await commit({
      [keys.policy(account, 'elb')]: policy('{'),
      [own]: user({ policies: all }),
    });
    const view = await open();
    assert.deepEqual(faults, [keys.policy(account, 'elb')]);
    assert.throws(() => view.policiesOf(account, amy), /elb of 1000000000000001 cannot be read/);
  });
});
