import { z } from 'zod';
import type { Action } from '../../src/api/actions/action.ts';

/** What is known of a parameter from its JSON schema alone. */
interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly minItems?: number;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** One bad call: which parameters are sent, and what the answer's code must be. */
export interface BadCall {
  readonly what: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly code: string;
}

/** Values of the parameters that make each action's call a good one. */
export type Samples = Readonly<Record<string, unknown>>;

/** Control characters and ends of lines: no text of the API may hold one. */
const controls = ['a\nb', 'a\rb', 'a\0b', 'a\u007fb', 'a\u0085b'];
/** Half a character: only JSON can say it, by an escape. */
const halfCharacter = 'a\ud800';
/** What no number is, and what no decimal text is. */
const noNumbers = ['x', '1e3', '0x10', '1.5', '--1', '99999999999999999999', '1;2', 'NaN', '[1]'];
const noLists = ['x', '{"a":1}', '[', '"text"', '1', '['.repeat(100_000), '{"__proto__":[]}'];

/**
 * Every way in which one parameter at a time can be bad, for every parameter of an action, with
 * the code that the documentation gives it. It knows the schema's form and no code of the door's.
 */
export function badCalls(action: Action, samples: Samples): BadCall[] {
  const schema = z.toJSONSchema(action.input, { io: 'input' }) as JsonSchema;
  const required = schema.required ?? [];
  const good = Object.fromEntries(required.map((name) => [name, samples[name]]));
  const invalid = action.errors.includes('Invalid%s') ? 'Invalid' : 'InvalidParameter.';
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const others = Object.fromEntries(Object.entries(good).filter(([each]) => each !== name));
    const put = (value: unknown, code: string, what: string): BadCall => ({
      what: `${action.name} ${name}: ${what}`,
      parameters: { ...others, ...(value === undefined ? {} : { [name]: value }) },
      code,
    });
    return [
      ...(required.includes(name)
        ? [put(undefined, `Missing${name}`, 'absent'), put('', `Missing${name}`, 'empty')]
        : []),
      ...badValues(field).map((value) => put(value, `${invalid}${name}`, show(value))),
      ...badItems(field, samples[name], (list, code, what) => put(list, code, what)),
    ];
  });
}

/** Values that a schema of this form refuses whatever else it says. */
function badValues(field: JsonSchema): unknown[] {
  switch (field.type) {
    case 'integer':
    case 'number':
      return [
        ...noNumbers,
        ...(field.minimum === undefined ? [] : [String(field.minimum - 1)]),
        ...(field.maximum === undefined ? [] : [String(field.maximum + 1)]),
      ];
    case 'boolean':
      return ['x', '2', 'yes', 'tru\ne'];
    case 'array':
      return [...noLists, ...tooMany(field)];
    default:
      return [...controls, ...(field.enum === undefined ? [] : ['no such value', "on'; "])];
  }
}

/** One item more than may be, in JSON text. */
function tooMany({ maxItems, items }: JsonSchema): string[] {
  if (maxItems === undefined || maxItems > 1_000) return [];
  const item = items?.type === 'object' ? { ServerId: 'i-1', Key: 'k' } : 'x';
  return [JSON.stringify(Array.from({ length: maxItems + 1 }, () => item))];
}

/** The fields of a list's items, one bad at a time. */
function badItems(
  { type, items }: JsonSchema,
  sample: unknown,
  put: (list: string, code: string, what: string) => BadCall,
): BadCall[] {
  if (type !== 'array' || items?.type !== 'object') return [];
  const [first = {}] = Array.isArray(sample) ? (sample as object[]) : [];
  return Object.entries(items.properties ?? {}).flatMap(([name, field]) => {
    const { [name]: _, ...others } = first as Record<string, unknown>;
    const required = items.required?.includes(name) ?? false;
    const list = (value: unknown) => JSON.stringify([{ ...others, [name]: value }]);
    return [
      ...(required ? [put(JSON.stringify([others]), `Missing${name}`, `${name} absent`)] : []),
      ...[...badValues(field), halfCharacter].map((value) =>
        put(list(value), `InvalidParameter.${name}`, `${name} ${show(value)}`),
      ),
    ];
  });
}

function show(value: unknown): string {
  return JSON.stringify(value).slice(0, 40);
}

/** Texts that end a line, a token or a quote somewhere: accepted or refused, but never believed. */
export const sharpTexts = [
  "a'b",
  'a"b',
  'a;b',
  'a b',
  'a#b',
  'a\\b',
  '$HOME',
  '%[src]',
  '$(id)',
  '../../etc/passwd',
  '__proto__',
  'constructor',
  '<b>&amp;</b>',
  'é漢😀',
  'a'.repeat(5_000),
];
