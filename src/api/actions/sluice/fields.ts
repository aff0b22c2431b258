import { z } from 'zod';
import { parseAddress, parseBlock } from '../../../elb/cidr.ts';
import { id, siteId } from '../fields.ts';

/** Codes that any Sluice action may raise for its parameters. */
export const errors = [
  'Missing%s',
  'Invalid%s',
  'InvalidParameter.%s',
  'ens.interface.error',
  'NoPermission',
];

/** Our own actions carry forwarders and operators, not end users: the bound is a wide one. */
export const limits = { perApi: 1_000, perAccount: 200 } as const;

export const site = siteId;

export const instanceId = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,64}$/)
  .describe('The ID of the instance: letters, digits and -, at most 64.');

export const address = z
  .string()
  .refine((text) => parseAddress(text) !== undefined, 'no IPv4 or IPv6 address');

export const block = z
  .string()
  .max(64)
  .refine((text) => parseBlock(text) !== undefined, 'no CIDR block');

export const forwarderName = id
  .regex(/^[A-Za-z0-9]/)
  .describe('The name of the forwarder within its site: letters, digits, - and _.');

/** The RAM resource of a site. */
export function siteResource(siteOrAll: string, account: string): string {
  return `acs:sluice:${siteOrAll}:${account}:site/${siteOrAll}`;
}
