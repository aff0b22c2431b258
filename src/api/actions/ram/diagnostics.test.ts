import assert from 'node:assert/strict';
import { test } from 'node:test';
import { account, failsWith, openBench } from '../../../../test/support/call.ts';
import { createSeal } from '../../../sealing.ts';
import { createDiagnoses, type Diagnosis } from '../../diagnoses.ts';
import { DecodeDiagnosticMessage } from './diagnostics.ts';

const diagnosis: Diagnosis = {
  AuthAction: 'ens:RemoveBackendServers',
  AuthResource: '*',
  AuthPrincipal: {
    AuthPrincipalType: 'SubUser',
    AuthPrincipalOwnerId: account,
    AuthPrincipalDisplayName: '200000000000000001',
  },
  AuthConditions: [{ ConditionKey: 'acs:SourceIp', ConditionValues: ['192.0.2.1'] }],
  ExplicitDeny: true,
  NoPermissionPolicyType: 'AccountLevelIdentityBasedPolicy',
  MatchedPolicies: [
    {
      AttachedEntityType: 'RamUser',
      AttachedScope: 'Account',
      Effect: 'Deny',
      PolicyIdentifier: 'ops',
      PolicyType: 'Custom',
      PolicyVersion: 'v1',
    },
  ],
};

test('a diagnostic message is read back by its account, and refused when it is none', async () => {
  const bench = await openBench();
  try {
    const { seal } = createDiagnoses(createSeal(Buffer.alloc(32)));
    const message = { EncodedDiagnosticMessage: seal(diagnosis) };
    const { output } = await bench.call(DecodeDiagnosticMessage, message);
    assert.deepEqual(output, { DecodedDiagnosticMessage: diagnosis });
    const refused = failsWith('InvalidParameter.EncodedDiagnosticMessage');
    const other = { account: '1000000000000002' };
    await assert.rejects(bench.call(DecodeDiagnosticMessage, message, other), refused);
    const none = { EncodedDiagnosticMessage: 'AQEAAAAA' };
    await assert.rejects(bench.call(DecodeDiagnosticMessage, none), refused);
  } finally {
    await bench.close();
  }
});
