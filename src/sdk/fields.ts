/**
 * Parameters as a person reads them, from an action's JSON Schema. Needs neither Node nor the
 * action itself, so that the console's forms and samples read the same fields as the rest.
 */

/** One parameter of an action, or one field of its answer. */
export interface Field {
  readonly name: string;
  /** `text`, `integer`, `number`, `boolean`, `list` or `object`; of a list, what it holds. */
  readonly type: 'text' | 'integer' | 'number' | 'boolean' | 'list' | 'object';
  readonly required: boolean;
  readonly text: string;
  /** A value of the right form, where the schema gives one. */
  readonly example?: unknown;
  readonly fallback?: string;
  readonly choices?: readonly string[];
  /** `0 to 100`, where numbers are bounded. */
  readonly range?: string;
  /** May hold ends of lines. */
  readonly multiline?: true;
  /** Nothing that shows or keeps parameters may hold it. */
  readonly secret?: true;
  /** Of a list: what each of its entries is. */
  readonly item?: Field;
  /** The members of an object, or of the objects in a list. */
  readonly members?: readonly Field[];
}

/** What is read of a JSON Schema (draft 2020-12, as zod prints it). */
export interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly const?: unknown;
  readonly multiline?: boolean;
  /** JSON Schema's own mark of what is sent and never shown: a secret. */
  readonly writeOnly?: boolean;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** The members of an object's schema, in its order. */
export function fieldsOf({ properties = {}, required = [] }: Schema): readonly Field[] {
  return Object.entries(properties).map(([name, schema]) =>
    toField(name, schema, required.includes(name)),
  );
}

function toField(name: string, schema: Schema, required: boolean): Field {
  const { description = '', minimum, maximum } = schema;
  const object = schema.items ?? schema;
  const example = object.examples?.[0];
  const bounded = minimum !== undefined && maximum !== undefined;
  return {
    name,
    type: typeOf(schema),
    required,
    text: description,
    ...(example === undefined ? {} : { example: schema.items === undefined ? example : [example] }),
    ...(schema.default === undefined ? {} : { fallback: String(schema.default) }),
    ...(schema.enum === undefined ? {} : { choices: schema.enum.map(String) }),
    ...(bounded && maximum < Number.MAX_SAFE_INTEGER ? { range: `${minimum} to ${maximum}` } : {}),
    ...(schema.multiline ? { multiline: true } : {}),
    ...(schema.writeOnly ? { secret: true } : {}),
    ...(schema.items === undefined ? {} : { item: toField(name, schema.items, false) }),
    ...(object.properties === undefined ? {} : { members: fieldsOf(object) }),
  };
}

/**
 * An example of a field's value: its own, or one made of its members'.
 * @param isTaken which members belong into it; all unless said
 */
export function sampleOf(field: Field, isTaken: (member: Field) => boolean = () => true): unknown {
  const { members, type, example } = field;
  if (members === undefined) return example ?? (type === 'list' ? [] : type === 'object' ? {} : '');
  const object = samplesOf(members, isTaken);
  return type === 'list' ? [object] : object;
}

/** The examples of fields that are taken, by their names. */
export function samplesOf(
  fields: readonly Field[],
  isTaken: (member: Field) => boolean = () => true,
): Record<string, unknown> {
  const taken = fields.filter(isTaken).map((field) => [field.name, sampleOf(field, isTaken)]);
  return Object.fromEntries(taken);
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
