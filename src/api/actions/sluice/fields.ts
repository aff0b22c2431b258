import { z } from 'zod';
import {
  formatAddress,
  formatBlock,
  hasHostBits,
  isUnicast,
  parseBlock,
} from '../../../elb/cidr.ts';
import { id, siteId } from '../fields.ts';

/** Codes that any Sluice action may raise for its parameters. */
export const errors = [
  'Missing%s',
  'Invalid%s',
  'InvalidParameter.%s',
  'ens.interface.error',
  'Forbidden.NoPermission',
];

/** Our own actions carry forwarders and operators, not end users: the bound is a wide one. */
export const limits = { perApi: 1_000, perAccount: 200 } as const;

export const site = siteId;

/** How a forwarder and a site stand to each other. */
export const standingStates = ['live', 'silent', 'fencing', 'fenced', 'left', 'unseen'] as const;

export const stateText =
  'live: it reports. silent: it does not, and may go on serving. fencing: silent, and its lease ' +
  'is about to end. fenced: its lease has ended and its engines refuse traffic. left: it has ' +
  'stopped. unseen: registered, and never connected.';

/** What a site's forwarders do that reach no control plane. */
export const isolation = z
  .enum(['serve', 'fence'])
  .describe(
    'What a forwarder does that reaches no control plane. serve: it goes on, and stays counted. ' +
      'fence: within 3 seconds its engines refuse the traffic of the site.',
  );

export const whenAllIsolated = z
  .enum(['none', 'last-serves'])
  .describe(
    'With fence. none: every isolated forwarder refuses traffic. last-serves: the first ' +
      'forwarder by name never fences, so that the site goes on when all are isolated; it stays ' +
      'counted.',
  );

/** The id of a site to be: it becomes part of keys, paths and names of engines. */
export const newSiteId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{1,62}$/, 'not 2 to 63 small letters, digits, - and _')
  .meta({ minLength: 2, maxLength: 63 })
  .describe('The ID of the site: 2 to 63 small letters, digits, - and _.');

export const instanceId = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,64}$/)
  .describe('The ID of the instance: letters, digits and -, at most 64.');

/** Of an address pool: a larger one takes no more load balancers than anybody has. */
const poolBits = 64;

/** Why a text is no block that load balancer addresses can come from, or undefined. */
function poolFault(text: string): string | undefined {
  const pool = parseBlock(text);
  if (pool === undefined) return 'no CIDR block such as 192.0.2.0/24';
  const { bits, first, prefix } = pool;
  if (hasHostBits(text)) return `an address inside the block; the block is ${formatBlock(pool)}`;
  if (bits - prefix > poolBits) return 'larger than an IPv6 /64';
  return isUnicast(formatAddress(bits, first)) ? undefined : 'addresses that no machine may have';
}

/** The block that load balancer addresses come from, in its canonical text. */
export const addressPool = z
  .string()
  .max(64)
  .superRefine((text, context) => {
    const fault = poolFault(text);
    if (fault !== undefined) context.addIssue(fault);
  })
  .overwrite((text) => {
    const pool = parseBlock(text);
    return pool === undefined ? text : formatBlock(pool);
  })
  .describe('The CIDR block that load balancer addresses come from, such as 192.0.2.0/24.');

export const forwarderName = id
  .regex(/^[A-Za-z0-9]/)
  .describe('The name of the forwarder within its site: letters, digits, - and _.');

/** The RAM resource of what an installation has once, or `account/*`. */
export function sluiceResource(name: 'freeze' | 'audit' | 'account/*', account: string): string {
  return `acs:sluice:*:${account}:${name}`;
}

/** The RAM resource of a site. */
export function siteResource(siteOrAll: string, account: string): string {
  return `acs:sluice:${siteOrAll}:${account}:site/${siteOrAll}`;
}
