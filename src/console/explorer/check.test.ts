import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { actions } from '../../api/actions/index.ts';
import { describe as describeAction } from '../../sdk/describe.ts';
import { fieldsOf } from '../../sdk/fields.ts';
import { check } from './check.ts';
import { draftOf, exampleOf, formOf, meant } from './draft.ts';

const schemaOf = (name: string) =>
  describeAction(actions.find((action) => action.name === name)!).parameters;
const said = (name: string, parameters: Record<string, unknown>) =>
  Object.fromEntries(
    check(schemaOf(name), parameters).map(({ path, text }) => [path.join('.'), text]),
  );

describe('what is wrong is said at its place, in plain words', () => {
  test('of what is missing', () => {
    assert.deepEqual(said('AddBackendServers', {}), {
      LoadBalancerId: 'Required.',
      BackendServers: 'Required: at least one entry.',
    });
    assert.deepEqual(said('GetUser', { UserName: 'alice' }), {});
  });

  test('of parts of lists', () => {
    const server = { ServerId: 'i 1', Type: 'vm', Ip: 'here', Port: 70_000, Weight: 'much' };
    assert.deepEqual(
      said('AddBackendServers', { LoadBalancerId: 'lb-1', BackendServers: [server] }),
      {
        'BackendServers.0.ServerId': 'Has to be made of letters, digits, _ and - only.',
        'BackendServers.0.Type': 'Has to be one of ens, eni.',
        'BackendServers.0.Ip': 'Has to be an IPv4 address or an IPv6 address.',
        'BackendServers.0.Port': 'Has to be from 0 to 65535.',
        'BackendServers.0.Weight': 'Has to be a whole number.',
      },
    );
    const many = Array(21).fill({ ServerId: 'i-1' });
    assert.deepEqual(said('AddBackendServers', { LoadBalancerId: 'lb-1', BackendServers: many }), {
      BackendServers: 'May have 20 entries; these are 21.',
    });
    assert.deepEqual(said('AddBackendServers', { LoadBalancerId: 'lb-1', BackendServers: 'x' }), {
      BackendServers: 'Has to be a list.',
    });
  });

  test('of texts', () => {
    assert.deepEqual(said('GetUser', { UserName: 'a'.repeat(65) }), {
      UserName: 'May have 64 characters; these are 65.',
    });
    assert.deepEqual(said('DescribeAuditRecords', { StartTime: 'today' }), {
      StartTime: 'Has to be a time in UTC such as 2026-11-24T08:00:00Z.',
    });
  });
});

describe('the form of each action, filled with its example, has nothing wrong', () => {
  for (const action of actions) {
    test(action.name, () => {
      const { parameters } = describeAction(action);
      const form = formOf(fieldsOf(parameters));
      const shown = draftOf(form, exampleOf(form));
      assert.deepEqual(check(parameters, (meant(form, shown) ?? {}) as object as never), []);
      assert.ok(Object.keys(action.input.shape).length === 0 || meant(form, shown) !== undefined);
    });
  }
});
