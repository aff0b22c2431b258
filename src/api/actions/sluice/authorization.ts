import { z } from 'zod';
import { Refusal } from '../../../elb/refusal.ts';
import { limits as bounds } from '../../../limits.ts';
import { type Decision, evaluatePolicies } from '../../../ram/evaluate.ts';
import { explain } from '../../../ram/explain.ts';
import { MalformedPolicy, type Policy, parsePolicy } from '../../../ram/policy.ts';
import { statementDocument } from '../../../ram/print.ts';
import { isoSeconds } from '../../../signing.ts';
import type { Call, PolicyHolder } from '../../call.ts';
import { policyTypeOf } from '../../diagnoses.ts';
import { defineAction } from '../action.ts';
import { multiline } from '../fields.ts';
import { readsOf, roleOf, userOf } from '../ram/directory.ts';
import { resources, roleName, userName } from '../ram/fields.ts';
import { errors, limits } from './fields.ts';

const condition = z.object({
  Key: z
    .string()
    .max(128)
    .regex(/^[\w-]+:[^\s:]\S*$/)
    .describe('The condition key.'),
  Value: z.string().max(256).describe('Its value.'),
});

const input = z.object({
  UserName: userName.optional().describe('Whose rights: of this user, or'),
  RoleName: roleName.optional().describe('of a session of this role.'),
  SessionPolicy: multiline(
    bounds.sessionPolicyCharacters,
    'The Policy that the session of the role was made with, as JSON.',
  ).optional(),
  ActionName: z
    .string()
    .max(128)
    .regex(/^[a-z][a-z-]*:[A-Za-z]+$/)
    .describe('What is asked for, such as ens:RemoveBackendServers.'),
  Resource: z
    .string()
    .max(512)
    .regex(/^(\*|acs:[^:\s]+:[^:\s]*:[^:\s]+:\S+)$/)
    .default('*')
    .describe('On what, such as acs:ens:*:1000000000000001:loadbalancer/lb-5…; * unless said.'),
  Conditions: z
    .array(condition)
    .max(50)
    .default([])
    .describe('What the call is like: acs:SourceIp and others. The time is now unless said.'),
});

export const ExplainAuthorization = defineAction({
  name: 'ExplainAuthorization',
  product: 'Sluice',
  access: 'get',
  summary: 'Says whether a user or a role may do something, why, and what would change that.',
  description: 'The same policies are asked as for a call; nothing is done.',
  input,
  output: z.object({
    Effect: z.enum(['Allow', 'ExplicitDeny', 'ImplicitDeny']),
    PolicyType: z.string(),
    DecidedBy: z.string(),
    Statement: z.string().optional(),
    Reason: z.string(),
    Remedy: z.string(),
    Resource: z.string(),
  }),
  errors: [
    ...errors,
    'EntityNotExist.User',
    'EntityNotExist.Role',
    'InvalidParameter.PolicyGrammar',
  ],
  limits,
  resource: ({ UserName, RoleName }, account) =>
    RoleName === undefined
      ? resources.user(UserName ?? '*', account)
      : resources.role(RoleName, account),
  async run(asked, call) {
    const { holder, arn } = await holderOf(asked, call);
    const session = sessionOf(asked);
    const identity = call.policiesOf(holder);
    const request = {
      action: asked.ActionName,
      resource: await call.placed(asked.Resource),
      context: contextOf(asked.Conditions, arn, call.now()),
    };
    const decision = evaluatePolicies(request, identity, session);
    const { reason, remedy } = explain(decision, request, identity, session);
    return {
      Effect: decision.effect,
      PolicyType: policyTypeOf(decision),
      DecidedBy: decision.decidedBy,
      ...statementOf(decision),
      Reason: reason,
      Remedy: remedy,
      Resource: request.resource,
    };
  },
});

type Asked = z.infer<typeof input>;

/** @throws Refusal Missing%s, Invalid%s, EntityNotExist.… */
async function holderOf(
  { UserName, RoleName }: Asked,
  call: Call,
): Promise<{ holder: PolicyHolder; arn: string }> {
  const { account } = call.caller;
  if (UserName !== undefined && RoleName !== undefined) throw new Refusal('Invalid%s', 'RoleName');
  if (RoleName !== undefined) {
    const { id } = await roleOf(RoleName, call, readsOf(call));
    return { holder: { kind: 'role', id }, arn: `acs:ram::${account}:assumed-role/${RoleName}/` };
  }
  if (UserName === undefined) throw new Refusal('Missing%s', 'UserName');
  const { id } = await userOf(UserName, call, readsOf(call));
  return { holder: { kind: 'user', id }, arn: `acs:ram::${account}:user/${UserName}` };
}

/** @throws Refusal Invalid%s, InvalidParameter.PolicyGrammar */
function sessionOf({ RoleName, SessionPolicy }: Asked): Policy | undefined {
  if (SessionPolicy === undefined) return undefined;
  if (RoleName === undefined) throw new Refusal('Invalid%s', 'SessionPolicy');
  try {
    return parsePolicy(SessionPolicy, 'session');
  } catch (error) {
    if (!(error instanceof MalformedPolicy)) throw error;
    throw new Refusal('InvalidParameter.PolicyGrammar', undefined, error.reason);
  }
}

/** Several values of a key count alike; what is not said here, the call does not have. */
function contextOf(conditions: Asked['Conditions'], arn: string, now: number) {
  const given = Map.groupBy(conditions, ({ Key }) => Key.toLowerCase());
  const usual = { 'acs:CurrentTime': isoSeconds(now), 'acs:PrincipalARN': arn };
  return Object.fromEntries([
    ...Object.entries(usual).filter(([key]) => !given.has(key.toLowerCase())),
    ...given.values().map((each) => [each[0]!.Key, each.map(({ Value }) => Value)] as const),
  ]);
}

function statementOf({ statement }: Decision): { Statement?: string } {
  if (statement === undefined) return {};
  return { Statement: JSON.stringify(statementDocument(statement.statement)) };
}
