import { type Action, versions } from '../api/actions/action.ts';
import { describe } from '../sdk/describe.ts';
import { type Field, fieldsOf, samplesOf } from '../sdk/fields.ts';
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

/** A call with every required parameter, in examples of the right form. */
function example(name: string, fields: readonly Field[]): string {
  const required = samplesOf(fields, (field) => field.required);
  const flags = Object.entries(required).map(([flag, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return ` --${flag} ${/^[\w.:/-]+$/.test(text) ? text : `'${text}'`}`;
  });
  return `sluice ${name}${flags.join('')}`;
}
