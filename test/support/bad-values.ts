import { z } from 'zod';
import type { Action } from '../../src/api/actions/action.ts';

/** One call that has to be refused: what is wrong, the parameters, and the code. */
export interface BadCall {
  readonly what: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly code: string;
}

type Schema = z.core.$ZodType;
type Texts = Readonly<Record<string, string>>;

/** Signs that end a line or a token somewhere behind the door. */
export const hostileSigns: readonly string[] = ['\n', '\r', '"', "'", ';', ' ', '#', '\\', '`'];

/** Never allowed in any text. */
export const controls: readonly string[] = ['\0', '\u0001', '\t', '\n', '\r\n', '\u007f', '\u0085'];

const noNumbers = [
  ...['1e3', '0x10', '0b1', '1.5', '-1', '-0.5', '+1', ' 1', '1 ', '1,0', '1_0', '１', 'one'],
  ...['99999999999999999999', '9'.repeat(400), 'NaN', 'Infinity', '-', '.', '1.', 'true', '[]'],
  ...['{}', '[1]', '1;', '1"', '1#', '1\\', ...controls.map((sign) => `1${sign}`)],
];

const noLists = [
  ...['[', ']', '[1', '{"a":', '["a",]', "['a']", 'text', '"text"', '1', 'true', '{}', '{"1":"a"}'],
  ...['[[[[', `${'['.repeat(20_000)}${']'.repeat(20_000)}`, '\0', '[\n', '[]]', 'undefined'],
];

/** Texts that mean something to somebody: many parameters take some of them. */
const sharpTexts = [
  ...['x'.repeat(300), 'x'.repeat(9_000), '../../etc/passwd', '%00', '$HOME', '$(id)', '\u2028'],
  ...['{', '[', '\u{1F4A3}', 'é', '\uFFFD', 'http://a', '-', '.', '/', '*', '0', 'null', '[{}]'],
  ...['__proto__', 'constructor', "' OR 1=1 --", '<b>&', '["__proto__"]', '[null,{"a":{}}]'],
];

/** Calls of `action` with a sharp text in each parameter, and `known` values in the others. */
export function sharpCalls({ input }: Action, known: Texts): Omit<BadCall, 'code'>[] {
  const own = Object.entries(input.shape);
  const good = Object.fromEntries(
    own.flatMap(([name, schema]) => {
      const text = known[name] ?? (isRequired(schema) ? validText(unwrap(schema)) : undefined);
      return text === undefined ? [] : [[name, text]];
    }),
  );
  return own.flatMap(([name]) =>
    sharpTexts.map((text) => ({
      what: `${name}: ${text.slice(0, 60)}`,
      parameters: { ...good, [name]: text },
    })),
  );
}

/** Every way in which a call of `action` can be wrong in one parameter. */
export function badCalls(action: Action): BadCall[] {
  const required = requiredTexts(action);
  return Object.entries(action.input.shape).flatMap(([name, schema]) => {
    const others = { ...required };
    delete others[name];
    const refused = action.errors.includes('Invalid%s') ? 'Invalid' : 'InvalidParameter.';
    const missing = isRequired(schema)
      ? missingCalls(name, others).filter(({ parameters }) => !clears(schema, parameters[name]))
      : [];
    const documented = [`InvalidParameter${name}`, 'InvalidQueryParameter'];
    const one = documented.find((code) => action.errors.includes(code));
    const wrong = wrongTexts(schema).map(({ what, text, code = `${refused}${name}` }) => ({
      what: `${name}: ${what}`,
      parameters: { ...others, [name]: text },
      code: code.startsWith('Missing') ? code : (one ?? code),
    }));
    return [...missing, ...wrong];
  });
}

/** An empty text is a value where it clears what was set. */
function clears(schema: Schema, text: string | undefined): boolean {
  return text === '' && z.globalRegistry.get(unwrap(schema))?.clearable === true;
}

function missingCalls(name: string, others: Texts): BadCall[] {
  const code = `Missing${name}`;
  return [
    { what: `${name} absent`, parameters: others, code },
    { what: `${name} empty`, parameters: { ...others, [name]: '' }, code },
    { what: `${name} in other case`, parameters: { ...others, [name.toLowerCase()]: 'x' }, code },
    { what: `${name}.__proto__`, parameters: { ...others, [`${name}x.__proto__`]: 'x' }, code },
  ];
}

interface Wrong {
  readonly what: string;
  readonly text: string;
  /** Absent: that of the parameter itself. */
  readonly code?: string;
}

function wrongTexts(schema: Schema): Wrong[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray) return wrongLists(inner);
  return shown(wrongScalars(inner));
}

function shown(texts: readonly string[]): Wrong[] {
  return texts.map((text) => ({ what: JSON.stringify(text.slice(0, 60)), text }));
}

/** Texts that the type, range, length or alphabet of a value rules out. */
function wrongScalars(inner: Schema): string[] {
  if (inner instanceof z.ZodNumber) return wrongNumbers(inner);
  if (inner instanceof z.ZodBoolean) return ['yes', '1', '0', 'on', 'true ', 'tru', '[]', '\0'];
  if (inner instanceof z.ZodEnum) {
    const values = inner.options.map(String);
    const first = values[0] ?? '';
    const other = first === first.toUpperCase() ? first.toLowerCase() : first.toUpperCase();
    const isFlag = String(values) === 'true,false';
    return [
      ...['not-one-of-them', '0', `${first} `, ` ${first}`, `${first},${values[1] ?? first}`],
      ...(values.includes(other) || isFlag ? [] : [other]),
      ...[...hostileSigns, ...controls].map((sign) => `${first}${sign}`),
    ];
  }
  const valid = validText(inner);
  const isOneLine = z.globalRegistry.get(inner)?.multiline !== true;
  const refused = controls.filter((sign) => isOneLine || !/^\r?\n$/.test(sign));
  const controlled = refused.flatMap((sign) => [`${valid}${sign}`, `${sign}${valid}`]);
  const doubtful = [
    ...hostileSigns.flatMap((sign) => [`${valid}${sign}`, `${sign}${valid}`]),
    ...sharpTexts,
  ];
  return [...controlled, ...doubtful.filter((text) => !z.safeParse(inner, text).success)];
}

function wrongNumbers(inner: z.ZodNumber): string[] {
  const { minimum, maximum } = z.toJSONSchema(inner) as { minimum?: number; maximum?: number };
  const isBounded = (bound: number | undefined): bound is number =>
    bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  return [
    ...noNumbers.filter((text) => isBounded(minimum) || !/^-/.test(text) || text === '-'),
    ...(isBounded(minimum) ? [String(minimum - 1)].filter((text) => !isAbsent(inner, text)) : []),
    ...(isBounded(maximum) ? [String(maximum + 1)] : []),
  ];
}

/** 0 is no value where it keeps what is set. */
function isAbsent(inner: z.ZodNumber, text: string): boolean {
  return text === '0' && z.globalRegistry.get(inner)?.zeroIsAbsent === true;
}

function wrongLists(list: z.ZodArray): Wrong[] {
  const element = unwrap(list.element as Schema);
  const one = validElement(element);
  const most = (z.toJSONSchema(list, { io: 'input', unrepresentable: 'any' }) as List).maxItems;
  const tooMany = (count: number) => ({
    what: `${count} elements`,
    text: JSON.stringify(Array.from({ length: count }, () => one)),
  });
  return [
    ...shown(noLists),
    ...(most === undefined ? [] : [tooMany(most + 1), tooMany(10_000)]),
    ...(element instanceof z.ZodObject
      ? wrongObjects(element)
      : [
          ...wrongScalars(element).map((text) => JSON.stringify([text])),
          ...['[1]', '[true]', '[["a"]]', '[{"a":"b"}]'],
        ].map((text) => ({ what: text.slice(0, 60), text }))),
  ];
}

interface List {
  readonly maxItems?: number;
}

/** Elements of a list with one field that is wrong, in JSON. */
function wrongObjects(element: z.ZodObject): Wrong[] {
  const valid = validElement(element) as Texts;
  const wrong = (elementText: string, code?: string): Wrong => ({
    what: elementText.slice(0, 80),
    text: `[${JSON.stringify(valid)},${elementText}]`,
    ...(code === undefined ? {} : { code }),
  });
  const noObjects = ['1', '"text"', 'true', '[]', '[[]]', '[1]'].map((text) => wrong(text));
  const fields = Object.entries(element.shape).flatMap(([name, schema]) => {
    const others: Record<string, unknown> = { ...valid };
    delete others[name];
    const put = (value: unknown) => JSON.stringify({ ...others, [name]: value });
    const nested = `{"__proto__":${JSON.stringify({ [name]: valid[name] ?? 'x' })}`;
    const missing = [put(''), put(null), put(undefined), `${nested},${put(null).slice(1)}`];
    missing.push(nested.replace('__proto__', 'constructor').concat(`,${put(null).slice(1)}`));
    const inner = unwrap(schema);
    const types = inner instanceof z.ZodNumber ? [1.5, 1e300, true] : [1, true, 0];
    return [
      ...(isRequired(schema) ? missing.map((text) => wrong(text, `Missing${name}`)) : []),
      ...[...wrongScalars(inner), ...types, [], {}, ['x'], { a: 1 }].map((value) =>
        wrong(put(value), `InvalidParameter.${name}`),
      ),
    ];
  });
  return [...noObjects, ...fields];
}

/** The required parameters of an action, each with a text that its schema takes. */
export function requiredTexts(action: Action): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, schema] of Object.entries(action.input.shape)) {
    if (isRequired(schema)) texts[name] = validText(unwrap(schema));
  }
  return texts;
}

function isRequired(schema: Schema): boolean {
  return !z.safeParse(schema, undefined).success;
}

/** What a text may have to be, from most to least common; the first that a schema takes is used. */
const candidates = [
  ...['lb-5none', 'local', '/a', '192.0.2.1', '192.0.2.0/24', '10.0.0.0/24', '2001:db8::/64'],
  ...[
    'http_2xx',
    '2026-11-24T00:00:00Z',
    'audit/2026-11-24T00:00:00Z/A',
    '1:audit/',
    `1:${'x'.repeat(43)}`,
    '["i-1"]',
    '{}',
    '*',
    '1',
    'tcp',
    'ens:RemoveBackendServers',
    '1:audit/',
    `1:${'a'.repeat(43)}`,
    'v1',
    'acs:ram::1000000000000001:role/none',
    'ens:DescribeInstances',
    `1:${'A'.repeat(43)}`,
    '1:audit/',
  ],
];

function validText(inner: Schema): string {
  if (inner instanceof z.ZodNumber || inner instanceof z.ZodArray) {
    return JSON.stringify(validElement(inner));
  }
  return String(validElement(inner));
}

function validElement(schema: Schema): unknown {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodNumber) return (z.toJSONSchema(inner) as { minimum: number }).minimum;
  if (inner instanceof z.ZodBoolean) return true;
  if (inner instanceof z.ZodEnum) return inner.options[0];
  if (inner instanceof z.ZodArray) return [validElement(inner.element as Schema)];
  if (inner instanceof z.ZodObject) {
    const fields = Object.entries(inner.shape).filter(([, field]) => isRequired(field));
    return Object.fromEntries(fields.map(([name, field]) => [name, validElement(field)]));
  }
  const found = candidates.find((text) => z.safeParse(inner, text).success);
  if (found === undefined) throw new Error(`no text for ${JSON.stringify(z.toJSONSchema(inner))}`);
  return found;
}

/** The schema under optional and default. */
function unwrap(schema: Schema): Schema {
  let inner = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault) {
    inner = inner.def.innerType;
  }
  return inner;
}
