import { type Field, samplesOf } from '../../sdk/fields.ts';

/**
 * What stands in a form: texts as they were typed. A list or an object (and so the whole form)
 * stands there in its parts, or as one text of JSON.
 */
export type Draft = string | readonly Draft[] | { readonly [name: string]: Draft };

/** The way to one value of a form: names of members and places in lists. */
export type Path = readonly (string | number)[];

export type Parameters = Readonly<Record<string, unknown>>;

/** All parameters of an action as one field, so that a form is a field like its parts. */
export function formOf(members: readonly Field[]): Field {
  return { name: '', type: 'object', required: true, text: '', members };
}

/**
 * The value that a draft means, typed as the API has it; undefined when it is empty. A text that
 * is no such value stays as it is, for the API to refuse.
 */
export function meant(field: Field, draft: Draft | undefined): unknown {
  if (draft === undefined || draft === '') return undefined;
  if (typeof draft === 'string') return fromText(field.type, draft);
  if (isList(draft)) {
    const values = draft.map((each) => meant(itemOf(field), each));
    const filled = values.filter((value) => value !== undefined);
    return filled.length === 0 ? undefined : filled;
  }
  const filled = (field.members ?? [])
    .map((member) => [member.name, meant(member, draft[member.name])] as const)
    .filter(([, value]) => value !== undefined);
  return filled.length === 0 ? undefined : Object.fromEntries(filled);
}

/** What a form shows of a value: in its parts where they can hold all of it, else as JSON. */
export function draftOf(field: Field, value: unknown): Draft {
  if (isEmpty(value)) return '';
  if (typeof value !== 'object' || value === null) return String(value);
  if (strays(field, value).length > 0) return JSON.stringify(value, null, 2);
  if (Array.isArray(value)) return value.map((each) => draftOf(itemOf(field), each));
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, draftOf(memberOf(field, name)!, each)]),
  );
}

/** What has to be given, by example; of a form in which nothing has to, its first parameter. */
export function exampleOf({ members = [] }: Field): Parameters {
  const required = samplesOf(members, (member) => member.required);
  return Object.keys(required).length > 0 ? required : samplesOf(members.slice(0, 1));
}

/** What of a value its field has no place for, such as a member of another name. */
export function strays(field: Field, value: unknown): string[] {
  if (isEmpty(value)) return [];
  const kind = Array.isArray(value) ? 'list' : typeof value === 'object' ? 'object' : 'single';
  if (kind !== kindOf(field)) return [field.name];
  if (kind === 'single') return [];
  // A list or an object among them shows what it cannot hold itself: it stands in JSON then.
  return Object.entries(value as object)
    .filter(([name, each]) => {
      const part = kind === 'list' ? itemOf(field) : memberOf(field, name);
      return part === undefined || (kindOf(part) === 'single' && strays(part, each).length > 0);
    })
    .map(([name]) => name);
}

/** The draft with another one in the place of a part of it. */
export function placed(draft: Draft | undefined, path: Path, part: Draft): Draft {
  const [first, ...rest] = path;
  if (first === undefined) return part;
  if (typeof first === 'number') {
    const list = draft !== undefined && isList(draft) ? draft : [];
    return list.map((each, index) => (index === first ? placed(each, rest, part) : each));
  }
  const object = typeof draft === 'object' && !isList(draft) ? draft : {};
  return { ...object, [first]: placed(object[first], rest, part) };
}

/**
 * Where a part of the value stands in the draft: entries that are empty are left out of the value,
 * so its lists may be shorter. What stands in JSON is found at the text.
 */
export function pathInDraft(field: Field, draft: Draft | undefined, path: Path): Path {
  const [first, ...rest] = path;
  if (first === undefined || draft === undefined || typeof draft === 'string') return [];
  if (isList(draft)) {
    const item = itemOf(field);
    const filled = [...draft.keys()].filter((at) => meant(item, draft[at]) !== undefined);
    const at = filled[Number(first)] ?? 0;
    return [at, ...pathInDraft(item, draft[at], rest)];
  }
  const member = memberOf(field, String(first));
  return [first, ...(member ? pathInDraft(member, draft[String(first)], rest) : [])];
}

/** The value less what is secret, and the names of what was left out. */
export function withoutSecrets(
  field: Field,
  value: unknown,
): { readonly value: unknown; readonly secrets: readonly string[] } {
  if (isEmpty(value)) return { value, secrets: [] };
  if (field.secret) return { value: undefined, secrets: [field.name] };
  if (typeof value !== 'object' || value === null) return { value, secrets: [] };
  const secrets: string[] = [];
  const less = (part: Field, each: unknown) => {
    const rest = withoutSecrets(part, each);
    secrets.push(...rest.secrets);
    return rest.value;
  };
  const kept = Array.isArray(value)
    ? value.map((each) => less(itemOf(field), each))
    : Object.fromEntries(
        Object.entries(value).map(([name, each]) => {
          const member = memberOf(field, name);
          return [name, member === undefined ? each : less(member, each)];
        }),
      );
  return { value: kept, secrets: [...new Set(secrets)] };
}

/** What one entry of a list is. */
export function itemOf({ name, item }: Field): Field {
  return item ?? { name, type: 'text', required: false, text: '' };
}

export function isList(draft: Draft): draft is readonly Draft[] {
  return Array.isArray(draft);
}

function kindOf({ type }: Field): 'list' | 'object' | 'single' {
  return type === 'list' || type === 'object' ? type : 'single';
}

function memberOf({ members = [] }: Field, name: string): Field | undefined {
  return members.find((member) => member.name === name);
}

/** The API takes these for absent. */
function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function fromText(type: Field['type'], text: string): unknown {
  switch (type) {
    case 'integer':
    case 'number':
      // Adding 0 turns -0, which JSON does not have, into 0.
      return /^-?\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) + 0 : text;
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'list':
    case 'object':
      try {
        return JSON.parse(text);
      } catch {
        return text;
      }
    default:
      return text;
  }
}
