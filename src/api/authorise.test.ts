import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { policyDocument } from '../../test/support/documents.ts';
import {
  doorDiagnoses,
  doorKey,
  openDoor,
  type V3Options,
  v3Request,
} from '../../test/support/door.ts';
import { limits } from '../limits.ts';
import type { AttachedPolicy } from '../ram/evaluate.ts';
import { parsePolicy } from '../ram/policy.ts';
import type { AccessKey } from './access-keys.ts';
import { type Action, defineAction, type Product, versions } from './actions/action.ts';
import type { Diagnosis } from './diagnoses.ts';

const time = Date.UTC(2026, 10, 24, 3, 48, 31);
const aliceKey: AccessKey = {
  ...doorKey,
  id: 'LTAI5tTestAlice0000000001',
  principal: { kind: 'user', id: 'alice' },
};
const lb1 = { LoadBalancerId: 'lb-1' };

let runs = 0;

function stop(product: Product): Action {
  return defineAction({
    name: 'StopThing',
    product,
    access: 'update',
    summary: 'For this test.',
    input: z.object({ LoadBalancerId: z.string().max(64) }),
    output: z.looseObject({}),
    errors: [],
    limits: { perApi: 100, perAccount: 100 },
    run: async () => {
      runs += 1;
      return {};
    },
  });
}

function attached(document: string, attachedTo = 'user/alice'): AttachedPolicy {
  const policy = parsePolicy(document, 'identity');
  return { type: 'Custom', name: 'ops', version: 'v2', attachedTo, policy };
}

/** What a call of alice's answers, who has these policies. */
async function answer(
  policies: readonly AttachedPolicy[],
  more: V3Options & { readonly product?: Product; readonly secure?: boolean } = {},
) {
  const { product = 'Ens', secure = false, ...options } = more;
  const door = openDoor({
    actions: [stop(product)],
    accessKeys: [aliceKey],
    identities: { userName: () => 'alice', policiesOf: () => [...policies] },
    now: () => time,
  });
  const request = v3Request('StopThing', lb1, {
    key: aliceKey,
    time,
    version: versions[product],
    ...options,
  });
  const left = new AbortController();
  const { status, body } = await door.dispatch({ ...request, secure }, left.signal);
  const answered = JSON.parse(String(body));
  return { status, body: answered, decidedBy: door.calls[0]?.decidedBy };
}

function diagnosisOf(body: Record<string, Record<string, string>>): Diagnosis | undefined {
  return doorDiagnoses.open(body.AccessDeniedDetail!.EncodedDiagnosticMessage!, doorKey.account);
}

const one = 'acs:ens:hz:1000000000000001:loadbalancer/lb-1';

describe('what a user may do', () => {
  test('nothing without a policy', async () => {
    const { status, body } = await answer([]);
    assert.deepEqual(
      [status, body.Code, body.Message],
      [400, 'NoPermission', 'Permission denied.'],
    );
  });

  test('what a policy allows on all, on its site or on the load balancer alone', async () => {
    for (const resource of ['*', 'acs:ens:hz:*:loadbalancer/*', 'acs:ens:*:*:loadbalancer/lb-1']) {
      const { status, decidedBy } = await answer([attached(policyDocument('ens:*', { resource }))]);
      assert.equal(status, 200, resource);
      assert.equal(decidedBy, 'Custom policy ops v2 of user/alice, statement 1');
    }
    for (const resource of ['acs:ens:sh:*:loadbalancer/*', 'acs:ens:*:*:loadbalancer/lb-2']) {
      const { body } = await answer([attached(policyDocument('ens:*', { resource }))]);
      assert.equal(body.Code, 'NoPermission', resource);
    }
  });

  test('conditions see the address, the transport and the time of the call', async () => {
    const when = (condition: object) => {
      const statement = { Effect: 'Allow', Action: '*', Resource: '*', Condition: condition };
      return [attached(JSON.stringify({ Version: '1', Statement: statement }))];
    };
    const until = (date: string) => when({ DateLessThan: { 'acs:CurrentTime': date } });
    const overTls = when({ Bool: { 'acs:SecureTransport': 'true' } });
    const cases: [AttachedPolicy[], boolean, number][] = [
      [when({ IpAddress: { 'acs:SourceIp': '127.0.0.0/8' } }), false, 200],
      [when({ IpAddress: { 'acs:SourceIp': '10.0.0.0/8' } }), false, 400],
      [overTls, false, 400],
      [overTls, true, 200],
      [until('2026-11-24T03:48:32Z'), false, 200],
      [until('2026-11-24T03:48:31Z'), false, 400],
      [when({ Bool: { 'acs:MFAPresent': 'false' } }), false, 200],
    ];
    for (const [policies, secure, expected] of cases) {
      assert.equal((await answer(policies, { secure })).status, expected);
    }
  });

  test('a dry run is asked as the call itself is', async () => {
    const dryRun = { headers: { 'x-sluice-dry-run': '1' } };
    const before = runs;
    const denied = await answer([attached(policyDocument('ens:Describe*'))], dryRun);
    assert.equal(denied.body.Code, 'NoPermission');
    assert.equal(denied.body.AccessDeniedDetail.AuthAction, 'ens:StopThing');
    assert.equal(runs, before);
    assert.equal((await answer([attached(policyDocument('ens:StopThing'))], dryRun)).status, 200);
  });
});

describe('what a denial tells', () => {
  test('in texts alone, each of them there', async () => {
    for (const product of ['Ens', 'Sluice'] as const) {
      const { status, body } = await answer([], { product });
      assert.equal(status, product === 'Ens' ? 400 : 403);
      assert.equal(body.Code, 'NoPermission');
      const { EncodedDiagnosticMessage, ...rest } = body.AccessDeniedDetail;
      assert.deepEqual(rest, {
        AuthAction: product === 'Ens' ? 'ens:StopThing' : 'sluice:StopThing',
        AuthPrincipalType: 'SubUser',
        AuthPrincipalOwnerId: doorKey.account,
        AuthPrincipalDisplayName: 'alice',
        PolicyType: 'AccountLevelIdentityBasedPolicy',
        NoPermissionType: 'ImplicitDeny',
      });
      assert.match(EncodedDiagnosticMessage, /^[\w.-]+$/);
    }
  });

  test('in its message, what was asked and which policy decided', async () => {
    const denies = policyDocument('ens:Stop*', { effect: 'Deny' });
    const { body } = await answer([attached(denies, 'group/edge')]);
    assert.equal(body.AccessDeniedDetail.NoPermissionType, 'ExplicitDeny');
    const { AuthConditions, ...diagnosis } = diagnosisOf(body)!;
    assert.deepEqual(diagnosis, {
      AuthAction: 'ens:StopThing',
      AuthResource: one,
      AuthPrincipal: {
        AuthPrincipalType: 'SubUser',
        AuthPrincipalOwnerId: doorKey.account,
        AuthPrincipalDisplayName: 'alice',
      },
      ExplicitDeny: true,
      NoPermissionPolicyType: 'AccountLevelIdentityBasedPolicy',
      MatchedPolicies: [
        {
          AttachedEntityType: 'RamGroup',
          AttachedScope: 'Account',
          Effect: 'Deny',
          PolicyIdentifier: 'ops',
          PolicyType: 'Custom',
          PolicyVersion: 'v2',
        },
      ],
    });
    const keys = AuthConditions.map(({ ConditionKey }) => ConditionKey);
    assert.deepEqual(keys, [
      'acs:SourceIp',
      'acs:SecureTransport',
      'acs:CurrentTime',
      'acs:MFAPresent',
      'acs:PrincipalARN',
    ]);
  });

  test('a message opens for its account alone, and only as it was made', async () => {
    const { body } = await answer([]);
    const message: string = body.AccessDeniedDetail.EncodedDiagnosticMessage;
    assert.equal(diagnosisOf(body)?.ExplicitDeny, false);
    assert.equal(doorDiagnoses.open(message, '1000000000000002'), undefined);
    const last = message.at(-3) === 'A' ? 'B' : 'A';
    const altered = `${message.slice(0, -3)}${last}${message.slice(-2)}`;
    for (const wrong of [altered, '', 'v1.', 'x', message.slice(0, -4)]) {
      assert.equal(doorDiagnoses.open(wrong, doorKey.account), undefined, wrong);
    }
  });

  test('a message with the longest of names is within its bound', () => {
    const long = (length: number) => 'x'.repeat(length);
    const message = doorDiagnoses.seal({
      AuthAction: `ram:${long(64)}`,
      AuthResource: `acs:ens:${long(63)}:${doorKey.account}:loadbalancer/${long(64)}`,
      AuthPrincipal: {
        AuthPrincipalType: 'AssumedRoleUser',
        AuthPrincipalOwnerId: doorKey.account,
        AuthPrincipalDisplayName: `${long(64)}:${long(64)}`,
      },
      AuthConditions: [long(45), long(20), long(20), long(5), long(200)].map((value) => ({
        ConditionKey: 'acs:SecureTransport',
        ConditionValues: [value],
      })),
      ExplicitDeny: true,
      NoPermissionPolicyType: 'AccountLevelIdentityBasedPolicy',
      MatchedPolicies: [
        {
          AttachedEntityType: 'RamGroup',
          AttachedScope: 'Account',
          Effect: 'Deny',
          PolicyIdentifier: long(128),
          PolicyType: 'Custom',
          PolicyVersion: long(16),
        },
      ],
    });
    assert.ok(message.length < limits.diagnosticMessage, `${message.length}`);
  });
});
