import { z } from 'zod';
import { Refusal } from '../../../elb/refusal.ts';
import { systemPolicies } from '../../../ram/system-policies.ts';
import { isoSeconds } from '../../../signing.ts';
import { keys } from '../../../store/keys.ts';
import type { Call } from '../../call.ts';
import type { HolderKind, PolicyRecord } from '../../identity-records.ts';
import { defineAction } from '../action.ts';
import { nothing } from '../fields.ts';
import { counted, policyOf, sliceOf } from './directory.ts';
import { anyPolicy, checkDocument, defaultOf, systemPolicy } from './documents.ts';
import {
  errorsOf,
  limits,
  note,
  pageOutput,
  paging,
  policyDocument,
  policyName,
  policyType,
  resources,
} from './fields.ts';
import { systemHolders } from './holders.ts';
import { versionOutput, versionView } from './policy-versions.ts';

const made = {
  PolicyName: z.string(),
  PolicyType: policyType,
  Description: z.string(),
  DefaultVersion: z.string(),
  CreateDate: z.string(),
};
const listed = { ...made, UpdateDate: z.string(), AttachmentCount: z.int() };

function madeView(policy: PolicyRecord, PolicyType: 'System' | 'Custom') {
  return {
    PolicyName: policy.name,
    PolicyType,
    Description: policy.description,
    DefaultVersion: policy.defaultVersion,
    CreateDate: policy.createTime,
  };
}

function viewOf(policy: PolicyRecord, type: 'System' | 'Custom', AttachmentCount: number) {
  return { ...madeView(policy, type), UpdateDate: policy.updateTime, AttachmentCount };
}

function attachmentsOf({ attachments }: PolicyRecord): number {
  return Object.values(attachments).reduce((sum, count) => sum + count, 0);
}

export const CreatePolicy = defineAction({
  name: 'CreatePolicy',
  product: 'Ram',
  access: 'create',
  summary: 'Makes a custom policy.',
  input: z.object({
    PolicyName: policyName,
    PolicyDocument: policyDocument('The policy'),
    Description: note(1_024).describe('At most 1,024 characters.'),
  }),
  output: z.object({ Policy: z.object(made) }),
  errors: errorsOf('EntityAlreadyExists.Policy', 'LimitExceeded.Policy', 'MalformedPolicyDocument'),
  limits,
  resource: ({ PolicyName }, account) => resources.policy(PolicyName, account),
  run: async ({ PolicyName, PolicyDocument, Description = '' }, call) => {
    checkDocument(PolicyDocument, 'identity', call);
    return call.transact(async (reads) => {
      const { account } = call.caller;
      const key = keys.policy(account, PolicyName);
      const isTaken = systemPolicies.has(PolicyName) || (await reads.get(key)) !== undefined;
      if (isTaken) throw new Refusal('EntityAlreadyExists.Policy');
      const time = isoSeconds(call.now());
      const policy: PolicyRecord = {
        v: 1,
        account,
        name: PolicyName,
        description: Description,
        versions: [{ id: 'v1', document: PolicyDocument, createTime: time }],
        defaultVersion: 'v1',
        lastVersion: 1,
        attachments: { User: 0, Group: 0, Role: 0 },
        createTime: time,
        updateTime: time,
      };
      const directory = await counted('policies', 1, call, reads);
      return {
        puts: new Map<string, unknown>([[key, policy], directory]),
        result: { Policy: madeView(policy, 'Custom') },
      };
    });
  },
});

/** How often a policy that comes with Sluice is attached in the account. */
async function systemCount(name: string, call: Call): Promise<number> {
  return (await systemHolders(call)).filter(({ attached }) => attached.name === name).length;
}

export const GetPolicy = defineAction({
  name: 'GetPolicy',
  product: 'Ram',
  access: 'get',
  summary: 'Shows a policy with the document of its default version.',
  input: z.object({ PolicyName: policyName, PolicyType: policyType }),
  output: z.object({
    Policy: z.object({ ...listed, PolicyDocument: z.string() }),
    DefaultPolicyVersion: versionOutput,
  }),
  errors: errorsOf('EntityNotExist.Policy'),
  limits,
  resource: ({ PolicyName, PolicyType }, account) =>
    resources.policy(PolicyName, account, PolicyType),
  run: async ({ PolicyName, PolicyType }, call) => {
    const isSystem = PolicyType === 'System';
    const policy = await anyPolicy(PolicyName, PolicyType, call);
    const count = isSystem ? await systemCount(PolicyName, call) : attachmentsOf(policy);
    const version = defaultOf(policy);
    return {
      Policy: { ...viewOf(policy, PolicyType, count), PolicyDocument: version.document },
      DefaultPolicyVersion: versionView(policy, version),
    };
  },
});

export const ListPolicies = defineAction({
  name: 'ListPolicies',
  product: 'Ram',
  access: 'list',
  summary: 'Lists policies: those that come with Sluice first, then those of the account.',
  input: z.object({
    PolicyType: policyType.optional().describe('Only those; absent = both.'),
    ...paging,
  }),
  output: z.object({
    Policies: z.object({ Policy: z.array(z.object(listed)) }),
    ...pageOutput,
  }),
  errors: errorsOf(),
  limits,
  resource: (_, account) => resources.policy('*', account),
  run: async ({ PolicyType, Marker, MaxItems }, call) => {
    const names = [...systemPolicies.keys()].sort();
    const inSystem = Marker === undefined || systemPolicies.has(Marker);
    const holders = await systemHolders(call);
    const systems = names
      .filter((name) => inSystem && PolicyType !== 'Custom' && name > (Marker ?? ''))
      .map((name) => {
        const count = holders.filter(({ attached }) => attached.name === name).length;
        return viewOf(systemPolicy(name)!, 'System', count);
      });
    const page = { MaxItems, ...(inSystem ? {} : { Marker }) };
    const prefix = keys.policies(call.caller.account);
    const none = { items: [], IsTruncated: false };
    const own = PolicyType === 'System' ? none : await sliceOf<PolicyRecord>(prefix, page, call);
    const all = [
      ...systems,
      ...own.items.map((each) => viewOf(each, 'Custom', attachmentsOf(each))),
    ];
    const Policy = all.slice(0, MaxItems);
    const IsTruncated = own.IsTruncated || all.length > MaxItems;
    const last = Policy.at(-1);
    return {
      Policies: { Policy },
      IsTruncated,
      ...(IsTruncated && last !== undefined ? { Marker: last.PolicyName } : {}),
    };
  },
});

const inUse = {
  User: 'DeleteConflict.Policy.User',
  Group: 'DeleteConflict.Policy.Group',
  Role: 'DeleteConflict.Policy.Role',
} as const;

export const DeletePolicy = defineAction({
  name: 'DeletePolicy',
  product: 'Ram',
  access: 'delete',
  summary: 'Deletes a custom policy that is attached to nobody.',
  input: z.object({
    PolicyName: policyName,
    CascadingDelete: z
      .boolean()
      .default(false)
      .describe('true: also with versions besides the default one.'),
  }),
  output: nothing,
  errors: errorsOf(
    'EntityNotExist.Policy',
    'DeleteConflict.Policy.Version',
    ...Object.values(inUse),
  ),
  limits,
  resource: ({ PolicyName }, account) => resources.policy(PolicyName, account),
  run: ({ PolicyName, CascadingDelete }, call) =>
    call.transact(async (reads) => {
      const policy = await policyOf(PolicyName, call, reads);
      for (const kind of Object.keys(inUse) as HolderKind[]) {
        if (policy.attachments[kind] > 0) throw new Refusal(inUse[kind]);
      }
      if (policy.versions.length > 1 && !CascadingDelete) {
        throw new Refusal('DeleteConflict.Policy.Version');
      }
      const directory = await counted('policies', -1, call, reads);
      return {
        puts: new Map([directory]),
        deletes: [keys.policy(policy.account, policy.name)],
        result: {},
      };
    }),
});
