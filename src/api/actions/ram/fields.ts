import { z } from 'zod';
import { limits as bounds } from '../../../limits.ts';
import type { ErrorCode } from '../../errors.ts';
import { multiline } from '../fields.ts';

/** What the actions of RAM share. */

/** Codes that any of them may raise for its parameters and its caller. */
const common = [
  'Missing%s',
  'InvalidParameter.%s',
  'InvalidParameter.%s.InvalidChars',
  'InvalidParameter.%s.Length',
  'Forbidden.NoPermission',
] as const satisfies readonly ErrorCode[];

export function errorsOf(...own: readonly ErrorCode[]): readonly ErrorCode[] {
  return [...common, ...own];
}

/** Not documented; a bound as wide as that of the other actions of operators. */
export const limits = { perApi: 1_000, perAccount: 100 } as const;

export const userName = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9._-]+$/)
  .describe('The name of the user: 1 to 64 letters, digits, ., _ and -.');

export const groupName = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9._-]+$/)
  .describe('The name of the group: 1 to 64 letters, digits, ., _ and -.');

export const roleName = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9.-]+$/)
  .describe('The name of the role: 1 to 64 letters, digits, . and -.');

export const policyName = z
  .string()
  .max(128)
  .regex(/^[A-Za-z0-9-]+$/)
  .describe('The name of the policy: 1 to 128 letters, digits and -.');

export const policyType = z
  .enum(['System', 'Custom'])
  .describe('System: it comes with Sluice. Custom: it was made in this account.');

export const versionId = z
  .string()
  .max(16)
  .regex(/^v[1-9][0-9]*$/)
  .describe('The version of the policy, such as v1.');

export const userAccessKeyId = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9]+$/)
  .describe('The ID of the access key.');

/** A text for people, `max` characters at most. */
export function note(max: number) {
  return z.string().max(max).optional();
}

export function policyDocument(describes: string) {
  return multiline(bounds.policyCharacters, `${describes}, as JSON.`);
}

export const paging = {
  Marker: z
    .string()
    .max(128)
    .regex(/^[A-Za-z0-9._-]+$/)
    .optional()
    .describe('Where to go on: the Marker of the answer before.'),
  MaxItems: z.int().min(1).max(1_000).default(100).describe('Entries in an answer, 1 to 1000.'),
};

export const pageOutput = { IsTruncated: z.boolean(), Marker: z.string().optional() };

/** RAM resources of an account: `acs:ram:*:<account>:user/<name>`. */
export const resources = {
  user: (name: string, account: string) => `acs:ram:*:${account}:user/${name}`,
  group: (name: string, account: string) => `acs:ram:*:${account}:group/${name}`,
  role: (name: string, account: string) => `acs:ram:*:${account}:role/${name}`,
  policy: (name: string, account: string, type: 'System' | 'Custom' = 'Custom') =>
    `acs:ram:*:${type === 'System' ? 'system' : account}:policy/${name}`,
  all: (account: string) => `acs:ram:*:${account}:*`,
};
