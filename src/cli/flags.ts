import type { Action } from '../api/actions/action.ts';
import { describe } from '../sdk/describe.ts';
import { type Field, fieldsOf } from '../sdk/fields.ts';
import { type Flag, parseFlags, UsageError } from '../usage.ts';
import { callFlags } from './connect.ts';

/** Flags of every action besides its parameters. `text` is what `--help` says. */
export const commonFlags: readonly (Flag & { readonly text: string })[] = [
  { name: 'if-revision', value: 'N', text: 'refuse when the load balancer has changed since N' },
  { name: 'dry-run', text: 'change nothing; show what each forwarder would be told' },
  { name: 'drain-seconds', value: 'N', text: 'how long sessions of removed servers may go on' },
  {
    name: 'confirm-wait',
    value: 'MS',
    text: 'how long to wait for the forwarders; 0 = not at all',
  },
  { name: 'gone', text: 'of DeregisterForwarder: the machine will not come back' },
  { name: 'header', value: 'NAME=VALUE', text: 'a further request header (may be repeated)' },
  { name: 'output', value: 'json|table', text: 'how to print the answer (json)' },
  ...callFlags,
];

/** Flags that travel as `x-sluice-…` headers of the same name. */
const extensionFlags = ['if-revision', 'dry-run', 'drain-seconds', 'confirm-wait', 'gone'];

export interface ActionFlags {
  readonly help: boolean;
  readonly output: 'json' | 'table';
  readonly endpoint?: string;
  readonly ca?: string;
  readonly data?: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Reads the flags of one action. Whether a value is allowed is for the API to say; here only
 * what can be sent at all is checked.
 * @throws UsageError for an unknown flag, a list that is no JSON, a flag given twice
 */
export function readActionFlags(action: Action, args: readonly string[]): ActionFlags {
  const fields = fieldsOf(describe(action).parameters);
  const flags: readonly Flag[] = [
    ...fields.map(({ name, type }) => ({ name, value: `<${type}>` })),
    ...commonFlags,
  ];
  const { values, positionals } = parseFlags(args, flags);
  if (positionals[0] !== undefined) throw new UsageError(`unexpected ${positionals[0]}`);
  const parameters: Record<string, unknown> = {};
  for (const field of fields) {
    const given = values.get(field.name);
    if (given !== undefined) parameters[field.name] = toParameter(field, given);
  }
  const one = (name: string) => single(name, values.get(name));
  const endpoint = one('endpoint');
  const data = one('data');
  const ca = one('ca');
  return {
    help: values.has('help'),
    output: toOutput(one('output')),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(data === undefined ? {} : { data }),
    ...(ca === undefined ? {} : { ca }),
    parameters,
    headers: { ...extensionHeaders(one), ...furtherHeaders(values.get('header') ?? []) },
  };
}

function single(name: string, given: readonly string[] | undefined): string | undefined {
  if (given !== undefined && given.length > 1) throw new UsageError(`--${name} is given twice`);
  return given?.[0];
}

/** A list is one JSON text, or one item for each time that the flag is given. */
function toParameter({ name, type }: Field, given: readonly string[]): unknown {
  if (type === 'object') return parseJson(name, single(name, given)!);
  if (type !== 'list') return single(name, given);
  const [first = ''] = given;
  if (given.length === 1 && first.trimStart().startsWith('[')) return parseJson(name, first);
  return given.map((item) => (item.trimStart().startsWith('{') ? parseJson(name, item) : item));
}

function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`--${name} is no JSON: ${(error as Error).message}`);
  }
}

function toOutput(text = 'json'): 'json' | 'table' {
  if (text === 'json' || text === 'table') return text;
  throw new UsageError(`--output: "${text}" is not one of json, table`);
}

function extensionHeaders(one: (name: string) => string | undefined): Record<string, string> {
  return Object.fromEntries(
    extensionFlags.flatMap((name) => {
      const value = one(name);
      return value === undefined ? [] : [[`x-sluice-${name}`, value]];
    }),
  );
}

function furtherHeaders(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((text) => {
      const [, name, value] = /^([A-Za-z0-9-]+)=(.*)$/.exec(text) ?? [];
      if (name === undefined) throw new UsageError(`--header: "${text}" is not NAME=VALUE`);
      return [name.toLowerCase(), value ?? ''];
    }),
  );
}
