import { Validator } from '@cfworker/json-schema';
import type { Schema } from '../../sdk/fields.ts';
import type { Parameters, Path } from './draft.ts';

/**
 * Checks parameters by the JSON Schema that the API checks them by, and says in plain words what
 * is wrong. Fetched by the page when it is first needed; compiles no code, which the content
 * security policy would not let it.
 */

/** What is wrong with one value, and where it stands. */
export interface Problem {
  readonly path: Path;
  readonly text: string;
}

/** One problem for each value that has any, in the order of the schema. */
export function check(schema: Schema, parameters: Parameters): readonly Problem[] {
  const { errors } = new Validator(schema as object, '2020-12', false).validate(parameters);
  const found = new Map<string, Problem>();
  for (const { keyword, keywordLocation, instanceLocation } of errors) {
    // What holds others tells nothing of its own; of alternatives, that all fail is what counts.
    if (containers.has(keyword) || keywordLocation.includes('/anyOf/')) continue;
    const at = partsOf(instanceLocation);
    const rule = follow(schema, partsOf(keywordLocation).slice(0, -1)) as Schema;
    for (const problem of problemsOf(keyword, rule, at, follow(parameters, at))) {
      const key = JSON.stringify(problem.path);
      if (!found.has(key)) found.set(key, problem);
    }
  }
  return [...found.values()];
}

const containers = new Set(['properties', 'items', 'prefixItems', 'allOf']);

function problemsOf(keyword: string, rule: Schema, path: Path, value: unknown): Problem[] {
  if (keyword !== 'required') return [{ path, text: wordsFor(keyword, rule, value) }];
  const { required = [], properties = {} } = rule;
  return required
    .filter((name) => (value as Parameters)[name] === undefined)
    .map((name) => ({
      path: [...path, name],
      text: properties[name]?.type === 'array' ? 'Required: at least one entry.' : 'Required.',
    }));
}

function wordsFor(keyword: string, rule: Schema, value: unknown): string {
  switch (keyword) {
    case 'type':
      return `Has to be ${kinds[rule.type ?? ''] ?? rule.type}.`;
    case 'enum':
      return `Has to be one of ${rule.enum?.join(', ')}.`;
    case 'minimum':
    case 'maximum':
      return `Has to be ${rangeOf(rule)}.`;
    case 'minLength':
      return `Has to have ${rule.minLength} characters at least.`;
    case 'maxLength':
      return `May have ${rule.maxLength} characters; these are ${[...String(value)].length}.`;
    case 'minItems':
      return `Has to have ${rule.minItems} entries at least.`;
    case 'maxItems':
      return `May have ${rule.maxItems} entries; these are ${(value as unknown[]).length}.`;
    default:
      return `Has to be ${formOfValue(rule)}.`;
  }
}

const kinds: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  integer: 'a whole number',
  number: 'a number',
  object: 'an object',
  string: 'a text',
};

const formats: Readonly<Record<string, string>> = {
  ipv4: 'an IPv4 address',
  ipv6: 'an IPv6 address',
  'date-time': 'a time in UTC such as 2026-11-24T08:00:00Z',
};

function rangeOf({ minimum = -Infinity, maximum = Infinity }: Schema): string {
  if (minimum <= Number.MIN_SAFE_INTEGER) return `${maximum} at most`;
  return maximum >= Number.MAX_SAFE_INTEGER
    ? `${minimum} or more`
    : `from ${minimum} to ${maximum}`;
}

/** What a text has to look like, such as `an IPv4 address`. */
function formOfValue({ anyOf, const: only, format, pattern = '' }: Schema): string {
  if (anyOf !== undefined) return anyOf.map(formOfValue).join(' or ');
  if (only !== undefined) return String(only);
  return formats[format ?? ''] ?? alphabetOf(pattern) ?? `of the form ${pattern}`;
}

/** A pattern that only says which characters may be used, in words. */
function alphabetOf(pattern: string): string | undefined {
  const [, characters] = /^\^\[((?:\w-\w|\\?[^\\^\]])+)\][+*]\$$/.exec(pattern) ?? [];
  if (characters === undefined) return undefined;
  const ranges: Readonly<Record<string, string>> = {
    'A-Z': 'capital letters',
    'a-z': 'small letters',
    '0-9': 'digits',
  };
  const parts = characters.match(/\w-\w|\\?./g) ?? [];
  const words = parts.map((part) => ranges[part] ?? part.replace('\\', ''));
  const letters = words.join(', ').replace('capital letters, small letters', 'letters');
  return `made of ${letters.replace(/, ([^,]+)$/, ' and $1')} only`;
}

/** The parts of a JSON pointer such as `#/BackendServers/0/Port`. */
function partsOf(pointer: string): (string | number)[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

function follow(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, part) => (value as Record<string | number, unknown> | undefined)?.[part],
    root,
  );
}
