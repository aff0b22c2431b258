import { z } from 'zod';
import type { Action } from './actions/action.ts';
import { ApiError, type ErrorCode } from './errors.ts';

/**
 * Turns the wire's flat texts into an action's typed input: `BackendServers=[{"Port":"0"}]` and
 * `BackendServers.1.Port=0` alike. An empty text is an absent parameter; a name that the schema
 * lacks is ignored. Coercion only reads; whether a value is allowed is the schema's word.
 * @throws ApiError Missing%s, Invalid%s, InvalidParameter.%s; what is missing comes first
 */
export function readInput<A extends Action>(
  action: A,
  parameters: ReadonlyMap<string, string>,
): z.infer<A['input']> {
  const input: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(action.input.shape)) {
    const raw = parameters.get(name) || flattened(parameters, name);
    const value = coerce(schema, raw);
    if (value !== undefined) input[name] = value;
  }
  const result = action.input.safeParse(input);
  if (result.success) return result.data as z.infer<A['input']>;
  const { issues } = result.error;
  const missing = issues.find((issue) => valueAt(input, issue.path) === undefined);
  throw complaint(action, (missing ?? issues[0])!, missing !== undefined);
}

type Issue = z.core.$ZodIssue;

function complaint(action: Action, issue: Issue, isMissing: boolean): ApiError {
  const names = issue.path.filter((part) => typeof part === 'string');
  const subject = names.at(-1) ?? 'Parameters';
  const row: ErrorCode =
    isMissing && names.length > 0
      ? 'Missing%s'
      : names.length > 1 || !action.errors.includes('Invalid%s')
        ? 'InvalidParameter.%s'
        : 'Invalid%s';
  return new ApiError(row, { subject, detail: `${issue.path.join('.')}: ${issue.message}` });
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) => (value as Record<PropertyKey, unknown> | undefined)?.[part],
    root,
  );
}

/** Stands for a text that no schema may accept: the wrong type for all of them. */
const refused = null;

/** Makes a raw value what the schema's type needs, or leaves it for the schema to refuse. */
function coerce(schema: z.core.$ZodType, raw: unknown): unknown {
  if (raw === undefined || raw === '') return undefined;
  const inner = unwrap(schema);
  if (inner instanceof z.ZodNumber) return typeof raw === 'string' ? toNumber(raw) : raw;
  if (inner instanceof z.ZodBoolean) return typeof raw === 'string' ? toBoolean(raw) : raw;
  if (inner instanceof z.ZodArray) {
    const list = typeof raw === 'string' ? toJson(raw) : raw;
    return Array.isArray(list) ? list.map((item) => coerce(inner.element, item)) : refused;
  }
  if (inner instanceof z.ZodObject) {
    const object = typeof raw === 'string' ? toJson(raw) : raw;
    return isPlainObject(object) ? coerceFields(inner, object) : refused;
  }
  return typeof raw === 'string' && isClean(raw) ? raw : refused;
}

function coerceFields(schema: z.ZodObject, raw: Readonly<Record<string, unknown>>) {
  const fields: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(schema.shape)) {
    const value = Object.hasOwn(raw, name) ? coerce(field, raw[name]) : undefined;
    if (value !== undefined) fields[name] = value;
  }
  return fields;
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault)
    inner = inner.def.innerType;
  return inner;
}

function toNumber(text: string): unknown {
  return /^-?\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : refused;
}

function toBoolean(text: string): unknown {
  const value = text.toLowerCase();
  return value === 'true' ? true : value === 'false' ? false : refused;
}

function toJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Malformed JSON is the caller's, and the schema says so of `null`.
    return refused;
  }
}

/** Control characters and halves of surrogate pairs have no place in any text of the API. */
function isClean(text: string): boolean {
  return text.isWellFormed() && !/\p{Cc}/u.test(text);
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Tree = Map<string, Tree | string>;

/**
 * `Name.1`, `Name.2.Field`, `Name.2.Sub.1` as lists and objects, indexes in rising order; undefined
 * when the request has none.
 */
function flattened(parameters: ReadonlyMap<string, string>, name: string): unknown {
  const prefix = `${name}.`;
  const tree: Tree = new Map();
  for (const [key, value] of parameters) {
    if (!key.startsWith(prefix)) continue;
    const parts = key.slice(prefix.length).split('.');
    let node = tree;
    for (const part of parts.slice(0, -1)) {
      const child = node.get(part);
      const next: Tree = child instanceof Map ? child : new Map();
      node.set(part, next);
      node = next;
    }
    node.set(parts.at(-1)!, value);
  }
  return tree.size === 0 ? undefined : plain(tree);
}

function plain(node: Tree | string): unknown {
  if (typeof node === 'string') return node;
  const entries = [...node];
  if (entries.every(([key]) => /^\d{1,9}$/.test(key))) {
    return entries.sort(([a], [b]) => Number(a) - Number(b)).map(([, child]) => plain(child));
  }
  return Object.fromEntries(entries.map(([key, child]) => [key, plain(child)]));
}
