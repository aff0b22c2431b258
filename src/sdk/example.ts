import type { Schema } from './fields.ts';

/** Values that read well, tried in turn until one has the form that is asked for. */
const values: readonly (readonly [RegExp, string])[] = [
  [/LoadBalancerId/, 'lb-5example'],
  [/ServerId|InstanceId/, 'i-5example'],
  [/EnsRegionId/, 'cn-chengdu-telecom'],
  [/NetworkInterfaceId/, 'eni-5example'],
  [/NetworkId/, 'n-5example'],
  [/VSwitchId/, 'vsw-5example'],
  [/CidrBlock|AddressPool/, '10.0.0.0/24'],
  [/Address|Ip/, '192.0.2.10'],
  [/ActionName/, 'ens:DescribeLoadBalancers'],
  [/RoleArn/, 'acs:ram::1000000000000001:role/operator'],
  [/AssumeRolePolicyDocument/, trustPolicy()],
  [/Policy/, policy()],
  [/StartTime/, '2026-11-24T08:00:00Z'],
  [/EndTime/, '2026-11-24T09:00:00Z'],
  [/Cert$/, '-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----'],
  [/Key$/, '-----BEGIN PRIVATE KEY-----\n…\n-----END PRIVATE KEY-----'],
  [/./, 'example'],
  [/./, 'v1'],
  [/./, '192.0.2.10'],
  [/./, '2026-11-24T08:00:00Z'],
  [/./, 'ens:RemoveBackendServers'],
  [/./, '80'],
  [/./, '1:0123456789abcdef'],
];

/**
 * Parameters that show how an action is called: those that have to be given, or the first where
 * none has to.
 */
export function exampleOf({ properties = {}, required = [] }: Schema): Record<string, unknown> {
  const names = required.length > 0 ? required : Object.keys(properties).slice(0, 1);
  return Object.fromEntries(
    names.map((name) => [name, exampleValue(name, properties[name] ?? {})]),
  );
}

function exampleValue(name: string, schema: Schema): unknown {
  if (schema.examples !== undefined) return schema.examples[0];
  const { type, items, minimum = 0, maximum = 0 } = schema;
  switch (type) {
    case 'array':
      return [exampleValue(name, items ?? {})];
    case 'object':
      return exampleOf(schema);
    case 'boolean':
      return true;
    case 'integer':
    case 'number':
      return Math.min(Math.max(Number(schema.default ?? 80), minimum), maximum);
    default:
      return schema.default ?? schema.enum?.[0] ?? textOf(name, schema);
  }
}

function textOf(name: string, schema: Schema): string | undefined {
  const { anyOf = [] } = schema;
  const forms = anyOf.length > 0 ? anyOf : [schema];
  const fits = (text: string) => forms.some((form) => isOf(form, text));
  return values.find(([names, value]) => names.test(name) && fits(value))?.[1];
}

function isOf(
  { pattern = '', maxLength = Infinity, minLength = 0, allOf = [] }: Schema,
  text: string,
) {
  const { length } = text;
  return (
    length >= minLength &&
    length <= maxLength &&
    new RegExp(pattern, 'u').test(text) &&
    allOf.every((rule) => new RegExp(rule.pattern ?? '', 'u').test(text))
  );
}

function policy(): string {
  const statement = { Effect: 'Allow', Action: 'ens:Describe*', Resource: '*' };
  return JSON.stringify({ Version: '1', Statement: [statement] }, null, 2);
}

function trustPolicy(): string {
  const principal = { RAM: ['acs:ram::1000000000000001:root'] };
  const statement = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: principal };
  return JSON.stringify({ Version: '1', Statement: [statement] }, null, 2);
}
