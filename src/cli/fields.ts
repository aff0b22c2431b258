import { z } from 'zod';
import type { Action } from '../api/actions/action.ts';

/** One parameter of an action as a person reads it. */
export interface Field {
  readonly name: string;
  /** `text`, `integer`, `number`, `boolean`, `list` or `object`; of a list, what it holds. */
  readonly type: 'text' | 'integer' | 'number' | 'boolean' | 'list' | 'object';
  readonly required: boolean;
  readonly text: string;
  readonly fallback?: string;
  readonly choices?: readonly string[];
  /** `0 to 100`, where numbers are bounded. */
  readonly range?: string;
  /** The members of an object, or of the objects in a list. */
  readonly members?: readonly Field[];
}

/** What this file reads of a JSON Schema (draft 2020-12, as zod prints it). */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** The parameters of an action, in the order of its schema. */
export function fieldsOf(action: Pick<Action, 'input'>): readonly Field[] {
  return members(z.toJSONSchema(action.input, { io: 'input', unrepresentable: 'any' }) as Schema);
}

function members({ properties = {}, required = [] }: Schema): readonly Field[] {
  return Object.entries(properties).map(([name, schema]) =>
    toField(name, schema, required.includes(name)),
  );
}

function toField(name: string, schema: Schema, required: boolean): Field {
  const { description = '', minimum, maximum } = schema;
  const object = schema.items ?? schema;
  const bounded = minimum !== undefined && maximum !== undefined;
  return {
    name,
    type: typeOf(schema),
    required,
    text: description,
    ...(schema.default === undefined ? {} : { fallback: String(schema.default) }),
    ...(schema.enum === undefined ? {} : { choices: schema.enum.map(String) }),
    ...(bounded && maximum < Number.MAX_SAFE_INTEGER ? { range: `${minimum} to ${maximum}` } : {}),
    ...(object.properties === undefined ? {} : { members: members(object) }),
  };
}

function typeOf({ type, anyOf }: Schema): Field['type'] {
  switch (type) {
    case 'integer':
    case 'number':
    case 'boolean':
    case 'object':
      return type;
    case 'array':
      return 'list';
    default:
      return anyOf?.[0] === undefined ? 'text' : typeOf(anyOf[0]);
  }
}
