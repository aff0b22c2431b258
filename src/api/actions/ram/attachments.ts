import { z } from 'zod';
import { Refusal } from '../../../elb/refusal.ts';
import { limits as bounds } from '../../../limits.ts';
import { isoSeconds } from '../../../signing.ts';
import { keys } from '../../../store/keys.ts';
import type { Call, Reads, Writes } from '../../call.ts';
import type { Attached, HolderKind, PolicyRecord } from '../../identity-records.ts';
import { type Action, defineAction } from '../action.ts';
import { nothing } from '../fields.ts';
import { policyOf, readsOf } from './directory.ts';
import { anyPolicy } from './documents.ts';
import {
  errorsOf,
  groupName,
  limits,
  policyName,
  policyType,
  resources,
  roleName,
  userName,
} from './fields.ts';
import { holderKinds, holderOf, holders, withPolicies } from './holders.ts';

const kinds = {
  User: { field: 'UserName', schema: userName, resource: resources.user },
  Group: { field: 'GroupName', schema: groupName, resource: resources.group },
  Role: { field: 'RoleName', schema: roleName, resource: resources.role },
} as const;

/** What the parameters of an attachment say. */
interface Wanted {
  readonly kind: HolderKind;
  readonly holder: string;
  readonly type: 'System' | 'Custom';
  readonly policy: string;
}

const nothingMore: Record<string, never> = {};

/** The policy's own record with one attachment more or less: it cannot go meanwhile. */
function counting(policy: PolicyRecord, kind: HolderKind, by: 1 | -1) {
  const attachments = { ...policy.attachments, [kind]: policy.attachments[kind] + by };
  return [keys.policy(policy.account, policy.name), { ...policy, attachments }] as const;
}

async function attach(
  { kind, holder: name, type, policy: policyName }: Wanted,
  call: Call,
  reads: Reads,
): Promise<Writes<Record<string, never>>> {
  const holder = await holderOf(kind, name, call, reads);
  const policy = await anyPolicy(policyName, type, call, reads);
  const alike = holder.policies.filter((each) => each.type === type);
  if (alike.some((each) => each.name === policyName)) {
    throw new Refusal(`EntityAlreadyExists.${kind}.Policy`);
  }
  const most = type === 'System' ? bounds.systemPoliciesAttached : bounds.customPoliciesAttached;
  if (alike.length >= most) throw new Refusal(`LimitExceeded.${kind}.Policy`);
  const attached: Attached = { type, name: policyName, date: isoSeconds(call.now()) };
  return {
    puts: new Map<string, unknown>([
      withPolicies(kind, holder, [...holder.policies, attached]),
      ...(type === 'Custom' ? [counting(policy, kind, 1)] : []),
    ]),
    result: nothingMore,
  };
}

async function detach(
  { kind, holder: name, type, policy: policyName }: Wanted,
  call: Call,
  reads: Reads,
): Promise<Writes<Record<string, never>>> {
  const holder = await holderOf(kind, name, call, reads);
  const isMeant = (each: Attached) => each.type === type && each.name === policyName;
  if (!holder.policies.some(isMeant)) throw new Refusal(`EntityNotExist.${kind}.Policy`);
  const rest = holder.policies.filter((each) => !isMeant(each));
  return {
    puts: new Map<string, unknown>([
      withPolicies(kind, holder, rest),
      ...(type === 'Custom' ? [counting(await policyOf(policyName, call, reads), kind, -1)] : []),
    ]),
    result: nothingMore,
  };
}

/** AttachPolicyToUser and DetachPolicyFromUser, and their like. */
function changeOf(kind: HolderKind, verb: 'Attach' | 'Detach'): Action {
  const { field, schema, resource } = kinds[kind];
  const isAttach = verb === 'Attach';
  const toWanted = (input: Record<string, unknown>): Wanted => ({
    kind,
    holder: String(input[field]),
    type: input.PolicyType as Wanted['type'],
    policy: String(input.PolicyName),
  });
  return defineAction({
    name: isAttach ? `AttachPolicyTo${kind}` : `DetachPolicyFrom${kind}`,
    product: 'Ram',
    access: 'update',
    summary: isAttach
      ? `Attaches a policy to a ${kind.toLowerCase()}; it counts from the next call on.`
      : `Detaches a policy from a ${kind.toLowerCase()}; it ends with the answer.`,
    input: z.object({ PolicyType: policyType, PolicyName: policyName, [field]: schema }),
    output: nothing,
    errors: errorsOf(
      `EntityNotExist.${kind}`,
      ...(isAttach
        ? ([
            'EntityNotExist.Policy',
            `EntityAlreadyExists.${kind}.Policy`,
            `LimitExceeded.${kind}.Policy`,
          ] as const)
        : ([`EntityNotExist.${kind}.Policy`] as const)),
    ),
    limits,
    resource: (input, account) => {
      const { holder, type, policy } = toWanted(input);
      return [resource(holder, account), resources.policy(policy, account, type)];
    },
    run: (input, call) =>
      call.transact((reads) => (isAttach ? attach : detach)(toWanted(input), call, reads)),
  });
}

const attachedView = z.object({
  PolicyName: z.string(),
  PolicyType: policyType,
  DefaultVersion: z.string(),
  Description: z.string(),
  AttachDate: z.string(),
});

/** ListPoliciesForUser and its like. */
function listOf(kind: HolderKind): Action {
  const { field, schema, resource } = kinds[kind];
  const nameIn = (input: Record<string, unknown>) => String(input[field]);
  return defineAction({
    name: `ListPoliciesFor${kind}`,
    product: 'Ram',
    access: 'list',
    summary: `Lists the policies that are attached to a ${kind.toLowerCase()} itself.`,
    input: z.object({ [field]: schema }),
    output: z.object({ Policies: z.object({ Policy: z.array(attachedView) }) }),
    errors: errorsOf(`EntityNotExist.${kind}`),
    limits,
    resource: (input, account) => resource(nameIn(input), account),
    run: async (input, call) => {
      const holder = await holderOf(kind, nameIn(input), call, readsOf(call));
      const Policy = await Promise.all(
        holder.policies.map(async ({ type, name, date }) => {
          const policy = await anyPolicy(name, type, call);
          return {
            PolicyName: name,
            PolicyType: type,
            DefaultVersion: policy.defaultVersion,
            Description: policy.description,
            AttachDate: date,
          };
        }),
      );
      return { Policies: { Policy } };
    },
  });
}

const holderView = { AttachDate: z.string() };

const ListEntitiesForPolicy = defineAction({
  name: 'ListEntitiesForPolicy',
  product: 'Ram',
  access: 'list',
  summary: 'Lists the users, groups and roles that a policy is attached to.',
  input: z.object({ PolicyType: policyType, PolicyName: policyName }),
  output: z.object({
    Users: z.object({ User: z.array(z.object({ UserName: z.string(), ...holderView })) }),
    Groups: z.object({ Group: z.array(z.object({ GroupName: z.string(), ...holderView })) }),
    Roles: z.object({ Role: z.array(z.object({ RoleName: z.string(), ...holderView })) }),
  }),
  errors: errorsOf('EntityNotExist.Policy'),
  limits,
  resource: ({ PolicyName, PolicyType }, account) =>
    resources.policy(PolicyName, account, PolicyType),
  run: async ({ PolicyType, PolicyName }, call) => {
    await anyPolicy(PolicyName, PolicyType, call);
    const all = await Array.fromAsync(holders(call));
    const named = all.filter(
      ({ attached }) => attached.type === PolicyType && attached.name === PolicyName,
    );
    const of = (kind: HolderKind) => named.filter((each) => each.kind === kind);
    return {
      Users: {
        User: of('User').map(({ holder, attached }) => ({
          UserName: holder.name,
          AttachDate: attached.date,
        })),
      },
      Groups: {
        Group: of('Group').map(({ holder, attached }) => ({
          GroupName: holder.name,
          AttachDate: attached.date,
        })),
      },
      Roles: {
        Role: of('Role').map(({ holder, attached }) => ({
          RoleName: holder.name,
          AttachDate: attached.date,
        })),
      },
    };
  },
});

export const attachmentActions: readonly Action[] = [
  ...holderKinds.map((kind) => changeOf(kind, 'Attach')),
  ...holderKinds.map((kind) => changeOf(kind, 'Detach')),
  ...holderKinds.map(listOf),
  ListEntitiesForPolicy,
];
