import { systemPolicies } from '../../ram/system-policies.ts';
import type { ActionDescription } from '../describe.ts';
import { actionPath, block, code, h, type Page, section, table } from './frame.ts';

const policy = {
  Version: '1',
  Statement: [
    {
      Effect: 'Allow',
      Action: ['ens:Describe*', 'ens:RemoveBackendServers'],
      Resource: 'acs:ens:*:*:loadbalancer/lb-5ovkn1piwqmoqrfjdyhq4',
      Condition: { IpAddress: { 'acs:SourceIp': '192.0.2.0/24' } },
    },
  ],
};

const conditions = [
  ['acs:SourceIp', 'IpAddress, NotIpAddress', 'where the call comes from'],
  ['acs:SecureTransport', 'Bool', 'whether it came over TLS'],
  ['acs:CurrentTime', 'DateLessThan, DateGreaterThan …', 'when it came, UTC'],
  ['acs:MFAPresent', 'Bool', 'always false: access keys know no second factor'],
  ['acs:PrincipalARN', 'StringEquals, StringLike …', 'who calls'],
];

/** What policies can name: actions, resources, conditions, and the policies that come along. */
export function ramPage(actions: readonly ActionDescription[]): Page {
  const rows = actions.map((action) => [
    h('a', { href: actionPath(action) }, code(action.ramName)),
    action.access,
    action.resources.map((each) => h('div', null, code(each))),
  ]);
  return {
    title: 'RAM authorization',
    content: [
      section(
        'grammar',
        'Policies',
        h(
          'p',
          null,
          'A call is allowed when a statement of a policy of its caller allows it and none denies ',
          'it. A statement has an Effect (Allow or Deny), Action or NotAction, Resource, and ',
          'perhaps a Condition; * stands for any signs and ? for one.',
        ),
        block(JSON.stringify(policy, null, 2)),
      ),
      section(
        'conditions',
        'Condition keys',
        table(
          'Condition keys',
          ['Key', 'Operators', 'What it is'],
          conditions.map(([key = '', ...rest]) => [code(key), ...rest]),
        ),
      ),
      section(
        'system',
        'System policies',
        table(
          'System policies',
          ['Policy', 'Allows'],
          [...systemPolicies.values()].map(({ name, description }) => [code(name), description]),
        ),
      ),
      section('actions', 'Actions', table('Actions', ['Action', 'Access level', 'Resource'], rows)),
    ],
  };
}
