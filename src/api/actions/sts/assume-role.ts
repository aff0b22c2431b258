import { z } from 'zod';
import { newTemporaryKeyPair } from '../../../access-key-pair.ts';
import { Refusal } from '../../../elb/refusal.ts';
import { limits as bounds } from '../../../limits.ts';
import { evaluateTrust } from '../../../ram/evaluate.ts';
import { MalformedPolicy, parsePolicy } from '../../../ram/policy.ts';
import { keys } from '../../../store/keys.ts';
import { parseRecord } from '../../../store/records.ts';
import type { Call, Caller } from '../../call.ts';
import type { RoleRecord } from '../../identity-records.ts';
import { arnOf, contextOf, roleArn } from '../../principals.ts';
import { credentialsOf, type RoleSession } from '../../sessions.ts';
import { defineAction } from '../action.ts';
import { multiline } from '../fields.ts';
import { limits } from '../ram/fields.ts';

const roleForm = /^acs:ram:\*?:(\d{1,20}):role\/([A-Za-z0-9.-]{1,64})$/;

const input = z.object({
  RoleArn: z
    .string()
    .max(256)
    .regex(roleForm)
    .describe('The role: acs:ram::<account>:role/<name>.'),
  RoleSessionName: z
    .string()
    .min(2)
    .max(64)
    .regex(/^[A-Za-z0-9.@_-]+$/)
    .describe('Names the session in audit records: 2 to 64 letters, digits, ., @, _ and -.'),
  DurationSeconds: z
    .int()
    .min(bounds.sessionSecondsMin)
    .max(bounds.sessionSecondsMax)
    .default(bounds.sessionSeconds)
    .describe("900 to the role's MaxSessionDuration."),
  Policy: multiline(
    bounds.bodyBytes,
    'What the session may do at most, as JSON: the role may do it too, or it is denied.',
  ).optional(),
  ExternalId: z
    .string()
    .min(2)
    .max(1_224)
    .regex(/^[\w+=,.@:/-]+$/)
    .optional()
    .describe('What the trust policy may ask for as sts:ExternalId.'),
});

/** The role, if it trusts the caller. Roles of other accounts are there only for those. */
async function trustingRole(
  { RoleArn, ExternalId }: z.infer<typeof input>,
  { caller, store, now }: Call,
): Promise<RoleRecord> {
  const [, account = '', name = ''] = roleForm.exec(RoleArn) ?? [];
  const entry = await store.get(keys.role(account, name));
  if (entry === undefined) {
    const isOwn = account === caller.account;
    throw new Refusal(isOwn ? 'EntityNotExist.Role' : 'Forbidden.NoPermission');
  }
  const role = parseRecord<RoleRecord>(entry).value;
  const context = {
    ...contextOf(caller, now()),
    ...(ExternalId === undefined ? {} : { 'sts:ExternalId': ExternalId }),
  };
  const trust = parsePolicy(role.trust, 'trust');
  const assumer = { kind: 'RAM', names: namesOf(caller) } as const;
  if (evaluateTrust(trust, assumer, 'sts:AssumeRole', context) !== 'Allow') {
    throw new Refusal('Forbidden.NoPermission');
  }
  return role;
}

/** What a trust policy may call the caller: itself, its role, or anybody of its account. */
function namesOf(caller: Caller): string[] {
  const { account, principal } = caller;
  const role = principal.kind === 'role' ? [roleArn(account, principal.name)] : [];
  return [arnOf(caller), ...role, `acs:ram::${account}:root`];
}

/** @throws Refusal InvalidParameter.PolicySize, InvalidParameter.PolicyGrammar */
function checkPolicy(text: string, call: Call): void {
  if (text.length > bounds.sessionPolicyCharacters) {
    throw new Refusal('InvalidParameter.PolicySize');
  }
  try {
    const fault = call.policyFault(parsePolicy(text, 'session'), 'session');
    if (fault === undefined) return;
    throw new Refusal('InvalidParameter.PolicyGrammar', undefined, fault);
  } catch (error) {
    if (!(error instanceof MalformedPolicy)) throw error;
    throw new Refusal('InvalidParameter.PolicyGrammar', undefined, error.reason);
  }
}

export const AssumeRole = defineAction({
  name: 'AssumeRole',
  product: 'Sts',
  access: 'create',
  summary: 'Answers a temporary access key with which its holder acts as a role.',
  description:
    "The role's trust policy must name the caller, and the caller must be allowed sts:AssumeRole " +
    'on the role. The token stands for itself: no control plane has to be asked about it.',
  input,
  output: z.object({
    Credentials: z.object({
      AccessKeyId: z.string(),
      AccessKeySecret: z.string(),
      SecurityToken: z.string(),
      Expiration: z.string(),
    }),
    AssumedRoleUser: z.object({ Arn: z.string(), AssumedRoleId: z.string() }),
  }),
  errors: [
    'Missing%s',
    'InvalidParameter.%s',
    'InvalidParameter.RoleArn',
    'InvalidParameter.RoleSessionName',
    'InvalidParameter.DurationSeconds',
    'InvalidParameter.PolicyGrammar',
    'InvalidParameter.PolicySize',
    'EntityNotExist.Role',
    'AssumeRole.Root',
    'Forbidden.NoPermission',
  ],
  limits,
  resource: ({ RoleArn }) => RoleArn,
  run: async (wanted, call) => {
    if (call.caller.principal.kind === 'root') throw new Refusal('AssumeRole.Root');
    if (wanted.Policy !== undefined) checkPolicy(wanted.Policy, call);
    const role = await trustingRole(wanted, call);
    if (wanted.DurationSeconds > role.maxSessionSeconds) {
      throw new Refusal('InvalidParameter.DurationSeconds');
    }
    const { accessKeyId, accessKeySecret } = newTemporaryKeyPair();
    const session: RoleSession = {
      v: 1,
      accessKeyId,
      secret: accessKeySecret,
      account: role.account,
      role: { id: role.id, name: role.name },
      name: wanted.RoleSessionName,
      ...(wanted.Policy === undefined ? {} : { policy: wanted.Policy }),
      expiresAt: call.now() + wanted.DurationSeconds * 1_000,
    };
    return {
      Credentials: credentialsOf(session, call.seal),
      AssumedRoleUser: {
        Arn: `${roleArn(role.account, role.name)}/${session.name}`,
        AssumedRoleId: `${role.id}:${session.name}`,
      },
    };
  },
});
