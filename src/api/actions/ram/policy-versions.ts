import { z } from 'zod';
import { Refusal } from '../../../elb/refusal.ts';
import { limits as bounds } from '../../../limits.ts';
import { isoSeconds } from '../../../signing.ts';
import { keys } from '../../../store/keys.ts';
import type { Call, Reads, Writes } from '../../call.ts';
import type { PolicyRecord, PolicyVersion } from '../../identity-records.ts';
import { defineAction } from '../action.ts';
import { nothing } from '../fields.ts';
import { policyOf } from './directory.ts';
import { anyPolicy, checkDocument } from './documents.ts';
import {
  errorsOf,
  limits,
  policyDocument,
  policyName,
  policyType,
  resources,
  versionId,
} from './fields.ts';

export const versionOutput = z.object({
  VersionId: z.string(),
  IsDefaultVersion: z.boolean(),
  PolicyDocument: z.string(),
  CreateDate: z.string(),
});

export function versionView(
  { defaultVersion }: PolicyRecord,
  { id, document, createTime }: PolicyVersion,
): z.infer<typeof versionOutput> {
  return {
    VersionId: id,
    IsDefaultVersion: id === defaultVersion,
    PolicyDocument: document,
    CreateDate: createTime,
  };
}

const named = { PolicyName: policyName, VersionId: versionId };
const versionErrors = errorsOf('EntityNotExist.Policy', 'EntityNotExist.Policy.Version');
const rotation = 'DeleteOldestNonDefaultVersionWhenLimitExceeded';

const resource = (
  {
    PolicyName,
    PolicyType,
  }: { readonly PolicyName: string; readonly PolicyType?: 'System' | 'Custom' },
  account: string,
) => resources.policy(PolicyName, account, PolicyType);

/** @throws Refusal EntityNotExist.Policy.Version */
function versionOf({ versions }: PolicyRecord, id: string): PolicyVersion {
  const found = versions.find((each) => each.id === id);
  if (found === undefined) throw new Refusal('EntityNotExist.Policy.Version');
  return found;
}

const creation = z.object({
  PolicyName: policyName,
  PolicyDocument: policyDocument('The policy'),
  SetAsDefault: z.boolean().default(false).describe('true: the new version counts at once.'),
  RotateStrategy: z
    .enum(['None', rotation])
    .default('None')
    .describe('What happens when there are five: None = the call is refused.'),
});
const created = z.object({ PolicyVersion: versionOutput });

async function create(
  { PolicyName, PolicyDocument, SetAsDefault, RotateStrategy }: z.infer<typeof creation>,
  call: Call,
  reads: Reads,
): Promise<Writes<z.infer<typeof created>>> {
  const before = await policyOf(PolicyName, call, reads);
  let { versions } = before;
  if (versions.length >= bounds.policyVersions) {
    if (RotateStrategy === 'None') throw new Refusal('LimitExceeded.Policy.Version');
    const oldest = versions.find(({ id }) => id !== before.defaultVersion);
    versions = versions.filter((each) => each !== oldest);
  }
  const time = isoSeconds(call.now());
  const lastVersion = before.lastVersion + 1;
  const version = { id: `v${lastVersion}`, document: PolicyDocument, createTime: time };
  const policy: PolicyRecord = {
    ...before,
    versions: [...versions, version],
    lastVersion,
    defaultVersion: SetAsDefault ? version.id : before.defaultVersion,
    updateTime: time,
  };
  return {
    puts: new Map([[keys.policy(policy.account, policy.name), policy]]),
    result: { PolicyVersion: versionView(policy, version) },
  };
}

export const CreatePolicyVersion = defineAction({
  name: 'CreatePolicyVersion',
  product: 'Ram',
  access: 'create',
  summary: 'Adds a version to a custom policy; a policy has five at most.',
  input: creation,
  output: created,
  errors: errorsOf(
    'EntityNotExist.Policy',
    'LimitExceeded.Policy.Version',
    'MalformedPolicyDocument',
  ),
  limits,
  resource,
  run: async (input, call) => {
    checkDocument(input.PolicyDocument, 'identity', call);
    return call.transact((reads) => create(input, call, reads));
  },
});

export const GetPolicyVersion = defineAction({
  name: 'GetPolicyVersion',
  product: 'Ram',
  access: 'get',
  summary: 'Shows one version of a policy.',
  input: z.object({ PolicyName: policyName, PolicyType: policyType, VersionId: versionId }),
  output: created,
  errors: versionErrors,
  limits,
  resource,
  run: async ({ PolicyName, PolicyType, VersionId }, call) => {
    const policy = await anyPolicy(PolicyName, PolicyType, call);
    return { PolicyVersion: versionView(policy, versionOf(policy, VersionId)) };
  },
});

export const ListPolicyVersions = defineAction({
  name: 'ListPolicyVersions',
  product: 'Ram',
  access: 'list',
  summary: 'Lists the versions of a policy.',
  input: z.object({ PolicyName: policyName, PolicyType: policyType }),
  output: z.object({ PolicyVersions: z.object({ PolicyVersion: z.array(versionOutput) }) }),
  errors: errorsOf('EntityNotExist.Policy'),
  limits,
  resource,
  run: async ({ PolicyName, PolicyType }, call) => {
    const policy = await anyPolicy(PolicyName, PolicyType, call);
    return {
      PolicyVersions: { PolicyVersion: policy.versions.map((each) => versionView(policy, each)) },
    };
  },
});

export const SetDefaultPolicyVersion = defineAction({
  name: 'SetDefaultPolicyVersion',
  product: 'Ram',
  access: 'update',
  summary: 'Makes a version of a custom policy the one that counts, from the next call on.',
  input: z.object(named),
  output: nothing,
  errors: versionErrors,
  limits,
  resource,
  run: ({ PolicyName, VersionId }, call) =>
    call.transact(async (reads) => {
      const policy = await policyOf(PolicyName, call, reads);
      const defaultVersion = versionOf(policy, VersionId).id;
      const updateTime = isoSeconds(call.now());
      const key = keys.policy(policy.account, policy.name);
      return { puts: new Map([[key, { ...policy, defaultVersion, updateTime }]]), result: {} };
    }),
});

export const DeletePolicyVersion = defineAction({
  name: 'DeletePolicyVersion',
  product: 'Ram',
  access: 'delete',
  summary: 'Deletes a version of a custom policy that is not its default.',
  input: z.object(named),
  output: nothing,
  errors: [...versionErrors, 'DeleteConflict.Policy.Version.Default'],
  limits,
  resource,
  run: ({ PolicyName, VersionId }, call) =>
    call.transact(async (reads) => {
      const policy = await policyOf(PolicyName, call, reads);
      const { id } = versionOf(policy, VersionId);
      if (id === policy.defaultVersion) {
        throw new Refusal('DeleteConflict.Policy.Version.Default');
      }
      const versions = policy.versions.filter((each) => each.id !== id);
      const key = keys.policy(policy.account, policy.name);
      return { puts: new Map([[key, { ...policy, versions }]]), result: {} };
    }),
});
