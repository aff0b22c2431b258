import { type Policy, parsePolicy } from './policy.ts';

/** A policy that every account has and nobody can change. */
export interface SystemPolicy {
  readonly name: string;
  readonly description: string;
  /** Its text, as GetPolicy shows it. */
  readonly document: string;
  readonly policy: Policy;
}

function allow(name: string, description: string, ...actions: string[]): SystemPolicy {
  const document = JSON.stringify({
    Version: '1',
    Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }],
  });
  return { name, description, document, policy: parsePolicy(document, 'identity') };
}

const reads = (service: string) => ['Describe', 'List', 'Get'].map((verb) => `${service}:${verb}*`);

/** The console's way to read load balancers of ENS: a list and streams that ENS does not have. */
const ensConsole = ['sluice:ListLoadBalancers', 'sluice:WatchLoadBalancer*'];

/** By name. Those of services are RAM's names by its pattern. */
export const systemPolicies: ReadonlyMap<string, SystemPolicy> = new Map(
  [
    allow('AdministratorAccess', 'Everything.', '*'),
    allow('ReadOnlyAccess', 'Reading everything.', ...reads('*'), 'sluice:WatchLoadBalancer*'),
    allow('AliyunENSFullAccess', 'Everything of ENS.', 'ens:*', ...ensConsole),
    allow('AliyunENSReadOnlyAccess', 'Reading everything of ENS.', ...reads('ens'), ...ensConsole),
    allow('AliyunRAMFullAccess', 'Managing users, groups, roles, policies.', 'ram:*', 'ims:*'),
    allow('AliyunSTSAssumeRoleAccess', 'Assuming roles that trust the caller.', 'sts:AssumeRole'),
  ].map((each) => [each.name, each]),
);
