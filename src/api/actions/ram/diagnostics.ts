import { z } from 'zod';
import { Refusal } from '../../../elb/refusal.ts';
import { limits as bounds } from '../../../limits.ts';
import { defineAction } from '../action.ts';
import { errorsOf, limits } from './fields.ts';

export const DecodeDiagnosticMessage = defineAction({
  name: 'DecodeDiagnosticMessage',
  product: 'Ram',
  access: 'get',
  summary: 'Says what a denial rested on, from its EncodedDiagnosticMessage.',
  input: z.object({
    EncodedDiagnosticMessage: z
      .string()
      .max(bounds.diagnosticMessage)
      .describe('From the AccessDeniedDetail of a call of this account that was denied.'),
  }),
  output: z.object({
    DecodedDiagnosticMessage: z.object({
      AuthAction: z.string(),
      AuthResource: z.string(),
      AuthPrincipal: z.object({
        AuthPrincipalType: z.string(),
        AuthPrincipalOwnerId: z.string(),
        AuthPrincipalDisplayName: z.string(),
      }),
      AuthConditions: z.array(
        z.object({ ConditionKey: z.string(), ConditionValues: z.array(z.string()) }),
      ),
      ExplicitDeny: z.boolean(),
      NoPermissionPolicyType: z.string(),
      MatchedPolicies: z.array(
        z.object({
          AttachedEntityType: z.string(),
          AttachedScope: z.string(),
          Effect: z.string(),
          PolicyIdentifier: z.string(),
          PolicyType: z.string(),
          PolicyVersion: z.string(),
        }),
      ),
    }),
  }),
  errors: errorsOf(),
  limits,
  async run({ EncodedDiagnosticMessage }, call) {
    const diagnosis = call.diagnosisOf(EncodedDiagnosticMessage);
    if (diagnosis === undefined) {
      throw new Refusal('InvalidParameter.%s', 'EncodedDiagnosticMessage');
    }
    const { AuthConditions, MatchedPolicies, ...rest } = diagnosis;
    return {
      DecodedDiagnosticMessage: {
        ...rest,
        AuthConditions: AuthConditions.map(({ ConditionKey, ConditionValues }) => ({
          ConditionKey,
          ConditionValues: [...ConditionValues],
        })),
        MatchedPolicies: [...MatchedPolicies],
      },
    };
  },
});
