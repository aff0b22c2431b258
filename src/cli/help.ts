import { type Action, versions } from '../api/actions/action.ts';
import { describe } from '../sdk/describe.ts';
import { type Field, fieldsOf } from '../sdk/fields.ts';
import { commonFlags } from './flags.ts';
import { columns, wrap } from './text.ts';

/** The help page of one action, printed from its own object. */
export function actionHelp(action: Action): string {
  const fields = fieldsOf(describe(action).parameters);
  const sections = [
    `${action.name}  (${action.product} ${versions[action.product]})`,
    wrap([action.summary, action.description ?? ''].join(' ').trim()),
    usage(action.name, fields),
    section('Parameters (* = required)', parameterRows(fields)),
    section('Further flags', commonFlags.map(flagRow)),
    section('Errors', [[action.errors.join(', ')]]),
    `Example\n  ${example(action.name, fields)}`,
  ];
  return `${sections.filter((text) => text !== '').join('\n\n')}\n`;
}

/** Every action with its summary, by product. */
export function actionList(actions: readonly Action[]): string {
  const products = [...new Set(actions.map(({ product }) => product))];
  const sections = products.map((product) =>
    section(
      `${product} ${versions[product]}`,
      actions
        .filter((action) => action.product === product)
        .map(({ name, summary }) => [name, summary])
        .sort(([a = ''], [b = '']) => a.localeCompare(b)),
    ),
  );
  return `${sections.join('\n\n')}\n`;
}

function usage(name: string, fields: readonly Field[]): string {
  const required = fields
    .filter((field) => field.required)
    .map((field) => ` --${field.name} <${field.type}>`);
  const optional = fields.some((field) => !field.required) ? ' [--Parameter <value> …]' : '';
  return `Usage\n  sluice ${name}${required.join('')}${optional}`;
}

function section(title: string, rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? '' : `${title}\n${columns(rows, '  ')}`;
}

function parameterRows(fields: readonly Field[]): string[][] {
  return fields.flatMap((field) => [
    row(`--${field.name}`, field),
    ...(field.members ?? []).map((member) => row(`    ${member.name}`, member)),
  ]);
}

function row(label: string, field: Field): string[] {
  const facts = [
    field.text,
    field.choices === undefined ? '' : `One of: ${field.choices.join(', ')}.`,
    field.range === undefined ? '' : `From ${field.range}.`,
    field.fallback === undefined ? '' : `Default: ${field.fallback}.`,
  ];
  const mark = field.required ? '*' : ' ';
  return [`${label}`, `${field.type}${mark}`, facts.filter((fact) => fact !== '').join(' ')];
}

function flagRow(flag: (typeof commonFlags)[number]): string[] {
  const value = flag.value === undefined ? '' : ` ${flag.value}`;
  return [`--${flag.name}${value}`, flag.text];
}

/** A call with every required parameter, in made-up values that have the right form. */
function example(name: string, fields: readonly Field[]): string {
  const flags = fields
    .filter((field) => field.required)
    .map((field) => {
      const value = sample(field);
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      return ` --${field.name} ${/^[\w.:/-]+$/.test(text) ? text : `'${text}'`}`;
    });
  return `sluice ${name}${flags.join('')}`;
}

const samples: Readonly<Record<string, unknown>> = {
  LoadBalancerId: 'lb-5example',
  ServerId: 'i-5example',
  EnsRegionId: 'local',
  NetworkId: 'n-5example',
  VSwitchId: 'vsw-5example',
  PayType: 'PostPaid',
  LoadBalancerSpec: 'elb.s2.medium',
  CidrBlock: '10.0.0.0/24',
  AddressPool: '192.0.2.0/24',
  PrivateIpAddress: '192.0.2.10',
  HealthCheck: 'on',
  ListenerPort: 80,
  StartTime: '2026-11-24T08:00:00Z',
  EndTime: '2026-11-24T09:00:00Z',
};

function sample(field: Field): unknown {
  const known = samples[field.name];
  if (known !== undefined) return known;
  if (field.choices?.[0] !== undefined) return field.choices[0];
  const members = (field.members ?? []).filter(({ required }) => required);
  const object = Object.fromEntries(members.map((member) => [member.name, sample(member)]));
  switch (field.type) {
    case 'integer':
    case 'number':
      return Number(field.range?.split(' ')[0] ?? 1);
    case 'boolean':
      return true;
    case 'list':
      return field.members === undefined ? ['example'] : [object];
    case 'object':
      return object;
    case 'text':
      return 'example';
  }
}
