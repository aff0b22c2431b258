import { z } from 'zod';
import { limits } from '../limits.ts';
import type { Action } from './actions/action.ts';
import { ApiError, type ErrorCode, isErrorCode } from './errors.ts';
import { flattened } from './flattened.ts';

/**
 * Turns the wire's flat texts into an action's typed input: `BackendServers=[{"Port":"0"}]` and
 * `BackendServers.1.Port=0` alike. An empty text, null and an empty list are absent, save where the
 * schema is marked `clearable`: there an empty text clears what was set. 0 is absent where it is
 * marked `zeroIsAbsent`. A name that the schema lacks is ignored. Coercion only reads: whether a
 * value is allowed is the schema's word, save that no text may hold a control character.
 * @throws ApiError Missing%s, Invalid%s, InvalidParameter.%s; what is missing comes first
 */
export function readInput<A extends Action>(
  action: A,
  parameters: ReadonlyMap<string, string>,
): z.infer<A['input']> {
  const input: Record<string, unknown> = {};
  const reader = new Reader();
  for (const [name, schema] of Object.entries(action.input.shape)) {
    const inner = unwrap(schema);
    const given = parameters.get(name);
    const raw = given || (isNested(inner) ? flattened(parameters, name) : given);
    const value = reader.read(inner, raw, [name]);
    if (value !== undefined) input[name] = value;
  }
  const result = action.input.safeParse(input);
  const { faults } = reader;
  if (result.success && faults.length === 0) return result.data as z.infer<A['input']>;
  const issues = result.success ? [] : result.error.issues;
  const missing = issues.find(({ path }) => valueAt(input, path) === undefined);
  throw complaint(action, missing ?? faults[0] ?? issues[0]!, missing !== undefined);
}

/** Why a value is refused, and where it stands. */
interface Fault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** Zod's word for it. */
  readonly code?: string;
  /** The type of what is too large. */
  readonly origin?: string;
}

function complaint(action: Action, fault: Fault, isMissing: boolean): ApiError {
  const { path, message } = fault;
  const names = path.filter((part) => typeof part === 'string');
  const isField = names.length > 1;
  const invalid = isField ? fieldCode(action) : invalidCode(action, names[0], fault);
  const code: ErrorCode = isMissing ? 'Missing%s' : invalid;
  return new ApiError(code, {
    subject: names.at(-1) ?? 'Parameters',
    detail: `${path.join('.')}: ${message}`,
  });
}

/** RAM tells of a name why it is none; STS has a text of its own for some parameters. */
function invalidCode(
  { errors }: Action,
  name: string | undefined,
  { code, origin }: Fault,
): ErrorCode {
  const why =
    code === 'invalid_format'
      ? ['InvalidParameter.%s.InvalidChars']
      : code === 'too_big' && origin === 'string'
        ? ['InvalidParameter.%s.Length']
        : [];
  const own = [`InvalidParameter.${name}`, `InvalidParameter${name}`, 'InvalidQueryParameter'];
  const rows = ['Invalid%s', ...own, ...why];
  return rows.filter(isErrorCode).find((row) => errors.includes(row)) ?? 'InvalidParameter.%s';
}

/** ActionTrail has one code for all that is bad in a search. */
function fieldCode({ errors }: Action): ErrorCode {
  const one = 'InvalidQueryParameter';
  return errors.includes(one) ? one : 'InvalidParameter.%s';
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) => (value as Record<PropertyKey, unknown> | undefined)?.[part],
    root,
  );
}

/** The schema under its wrappers: optional, default and their like. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema;
  while (
    inner instanceof z.ZodOptional ||
    inner instanceof z.ZodDefault ||
    inner instanceof z.ZodPrefault ||
    inner instanceof z.ZodNullable ||
    inner instanceof z.ZodReadonly
  ) {
    inner = inner.def.innerType;
  }
  return inner;
}

function isNested(schema: z.core.$ZodType): boolean {
  return schema instanceof z.ZodArray || schema instanceof z.ZodObject;
}

/** Makes raw values what the schema's types need, or leaves them for the schema to refuse. */
class Reader {
  readonly faults: Fault[] = [];

  /** @param raw a text, what JSON.parse gave, or a flattened list */
  read(schema: z.core.$ZodType, raw: unknown, path: readonly PropertyKey[]): unknown {
    const inner = unwrap(schema);
    if (raw === '' && isMarked(inner, 'clearable')) return raw;
    if (raw === undefined || raw === '' || raw === null) return undefined;
    if (inner instanceof z.ZodNumber) return readNumber(inner, raw);
    if (inner instanceof z.ZodBoolean || isFlag(inner)) {
      return typeof raw === 'string' ? toBoolean(inner, raw) : raw;
    }
    if (inner instanceof z.ZodArray) return this.#readList(inner, raw, path);
    if (inner instanceof z.ZodObject) return this.#readObject(inner, raw, path);
    const isText = typeof raw === 'string';
    if (isText && !isClean(isMarked(inner, 'multiline') ? raw.replaceAll(/\r?\n/g, ' ') : raw)) {
      const message = 'control characters and signs that hide or turn text are not allowed';
      this.faults.push({ path, message, code: 'invalid_format' });
    }
    return raw;
  }

  #readList(schema: z.ZodArray, raw: unknown, path: readonly PropertyKey[]): unknown {
    const list = this.#toJson(raw, path);
    if (!Array.isArray(list)) return list;
    const items = list
      .slice(0, limits.parameters)
      .map((item, index) => this.read(schema.element, item, [...path, index]))
      .filter((item) => item !== undefined);
    return items.length === 0 ? undefined : items;
  }

  #readObject(schema: z.ZodObject, raw: unknown, path: readonly PropertyKey[]): unknown {
    const object = this.#toJson(raw, path);
    if (typeof object !== 'object' || object === null || Array.isArray(object)) return object;
    const fields: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(schema.shape)) {
      const own = Object.hasOwn(object, name) ? (object as Record<string, unknown>)[name] : '';
      const value = this.read(field, own, [...path, name]);
      if (value !== undefined) fields[name] = value;
    }
    return fields;
  }

  /** Parses a text that stands for a list or an object; anything else is handed back. */
  #toJson(raw: unknown, path: readonly PropertyKey[]): unknown {
    if (typeof raw !== 'string') return raw;
    try {
      return JSON.parse(raw);
    } catch {
      // Malformed JSON is the caller's to know, at its place.
      this.faults.push({ path, message: 'not well-formed JSON' });
      return raw;
    }
  }
}

function readNumber(schema: z.ZodNumber, raw: unknown): unknown {
  const value = typeof raw === 'string' ? toNumber(raw) : raw;
  return value === 0 && isMarked(schema, 'zeroIsAbsent') ? undefined : value;
}

/** Decimal text as a number; other text as it is, which no number schema takes. */
function toNumber(text: string): number | string {
  return /^-?\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : text;
}

/** A boolean that is documented as a text: `true` or `false`. */
function isFlag(schema: z.core.$ZodType): schema is z.ZodEnum {
  return schema instanceof z.ZodEnum && String(schema.options) === 'true,false';
}

/** Clients write booleans in any case. */
function toBoolean(schema: z.ZodBoolean | z.ZodEnum, text: string): boolean | string {
  const value = text.toLowerCase();
  if (value !== 'true' && value !== 'false') return text;
  return schema instanceof z.ZodEnum ? value : value === 'true';
}

type Mark = 'multiline' | 'clearable' | 'zeroIsAbsent';

function isMarked(schema: z.core.$ZodType, mark: Mark): boolean {
  return z.globalRegistry.get(schema)?.[mark] === true;
}

/** Control characters and halves of surrogate pairs have no place in any text of the API. */
/**
 * Control characters, signs that turn the direction of writing, signs without width: with these one
 * name can look like another. Joiners and tags are not among them: scripts and emoji need them.
 */
const unseen = /[\p{Cc}\p{Bidi_Control}\u200b\u2060-\u2064\ufeff\ufff9-\ufffb]/u;

function isClean(text: string): boolean {
  return text.isWellFormed() && !unseen.test(text);
}
