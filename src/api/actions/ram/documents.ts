import { Refusal } from '../../../elb/refusal.ts';
import { MalformedPolicy, parsePolicy } from '../../../ram/policy.ts';
import { systemPolicies } from '../../../ram/system-policies.ts';
import type { Call, Reads } from '../../call.ts';
import type { PolicyRecord, PolicyVersion } from '../../identity-records.ts';
import { policyOf, readsOf } from './directory.ts';

/** Of the policies that come with Sluice. */
const systemDate = '2026-11-24T00:00:00Z';

/**
 * Lets a document pass that can be read, and of which each part can match some call.
 * @throws Refusal MalformedPolicyDocument, with what is wrong in it
 */
export function checkDocument(text: string, kind: 'identity' | 'trust', call: Call): void {
  try {
    const fault = call.policyFault(parsePolicy(text, kind), kind);
    if (fault !== undefined) throw new Refusal('MalformedPolicyDocument', fault);
  } catch (error) {
    if (!(error instanceof MalformedPolicy)) throw error;
    throw new Refusal('MalformedPolicyDocument', error.reason);
  }
}

/** A policy that comes with Sluice, in the form of an account's own; undefined when none. */
export function systemPolicy(name: string): PolicyRecord | undefined {
  const found = systemPolicies.get(name);
  if (found === undefined) return undefined;
  const { description, document } = found;
  return {
    v: 1,
    account: 'system',
    name,
    description,
    versions: [{ id: 'v1', document, createTime: systemDate }],
    defaultVersion: 'v1',
    lastVersion: 1,
    attachments: { User: 0, Group: 0, Role: 0 },
    createTime: systemDate,
    updateTime: systemDate,
  };
}

/** @throws Refusal EntityNotExist.Policy */
export async function anyPolicy(
  name: string,
  type: 'System' | 'Custom',
  call: Call,
  reads: Reads = readsOf(call),
): Promise<PolicyRecord> {
  if (type === 'Custom') return policyOf(name, call, reads);
  const found = systemPolicy(name);
  if (found === undefined) throw new Refusal('EntityNotExist.Policy');
  return found;
}

/** The version that counts. */
export function defaultOf({ versions, defaultVersion }: PolicyRecord): PolicyVersion {
  const found = versions.find(({ id }) => id === defaultVersion);
  if (found === undefined) throw new Error('a policy without its default version');
  return found;
}
