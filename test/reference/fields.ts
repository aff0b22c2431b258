import type { Documented } from './documented.ts';

/** What was found of the documented fields of answers. */
export interface FieldWalk {
  /** Fields and items that are there with their type. */
  present: number;
  /** Fields of lists that cannot have an entry here. */
  explained: number;
  readonly unexplained: string[];
}

/**
 * Walks the documented fields of one answer: each is there, with its type, and no list is empty
 * unless `mayBeEmpty` says of its path that it is.
 */
export function walkFields(
  walk: FieldWalk,
  fields: Readonly<Record<string, Documented>>,
  values: readonly unknown[],
  path: string,
  mayBeEmpty: (path: string) => boolean,
): void {
  for (const [name, field] of Object.entries(fields)) {
    const own = path === '' ? name : `${path}.${name}`;
    const found = values
      .map((value) => (value as Readonly<Record<string, unknown>>)[name])
      .filter((value) => value !== undefined);
    if (found.length === 0) walk.unexplained.push(`${own} is absent`);
    else walkValues(walk, field, found, own, mayBeEmpty);
  }
}

function walkValues(
  walk: FieldWalk,
  field: Documented,
  values: readonly unknown[],
  path: string,
  mayBeEmpty: (path: string) => boolean,
): void {
  const wrong = values.find((value) => !hasType(value, field.type));
  if (wrong !== undefined) {
    walk.unexplained.push(`${path} is ${JSON.stringify(wrong)}, no ${field.type}`);
    return;
  }
  walk.present += 1;
  if (field.fields) walkFields(walk, field.fields, values, path, mayBeEmpty);
  if (field.items === undefined) return;
  const items = (values as readonly unknown[][]).flat();
  if (items.length > 0) walkValues(walk, field.items, items, path, mayBeEmpty);
  else if (mayBeEmpty(path)) walk.explained += count(field.items);
  else walk.unexplained.push(`${path} is empty`);
}

function count({ fields, items }: Documented): number {
  const inner = Object.values(fields ?? {}).reduce((sum, each) => sum + count(each), 0);
  return 1 + inner + (items === undefined ? 0 : count(items));
}

function hasType(value: unknown, type: string): boolean {
  switch (type) {
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type && !Array.isArray(value);
  }
}
