import { batch, computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { ActionDescription } from '../../sdk/describe.ts';
import { type Field, fieldsOf } from '../../sdk/fields.ts';
import { fromQuery, type Options, queryOf } from './address.ts';
import type { check, Problem } from './check.ts';
import {
  type Draft,
  draftOf,
  formOf,
  itemOf,
  meant,
  type Parameters,
  type Path,
  pathInDraft,
  placed,
} from './draft.ts';

/** The form of one action: what was typed, and all that follows from it. */
export interface Form {
  readonly action: ActionDescription;
  /** All parameters, as one field. */
  readonly root: Field;
  readonly draft: Signal<Draft>;
  readonly options: Signal<Options>;
  /** What a call sends; undefined when the form's JSON is none. */
  readonly parameters: ReadonlySignal<Parameters | undefined>;
  readonly address: ReadonlySignal<ReturnType<typeof queryOf>>;
  /** Problems are shown once a call has been tried, and then as one types. */
  readonly isChecked: Signal<boolean>;
  /** What is wrong with the part of the draft at a path (its parts joined by dots). */
  readonly problems: ReadonlySignal<ReadonlyMap<string, string>>;
}

/** Set when the validator has been fetched. */
const checker = signal<typeof check | undefined>(undefined);

/** Fetches the validator; the page can do without it, since the API checks all the same. */
export async function fetchChecker(): Promise<void> {
  if (checker.value !== undefined) return;
  const fetched = await import('./check.ts').catch(() => undefined);
  if (fetched !== undefined) checker.value = fetched.check;
}

/** @param query of the address that opens it */
export function createForm(action: ActionDescription, query: string): Form {
  const root = formOf(fieldsOf(action.parameters));
  const opened = fromQuery(root, query);
  const draft = signal(withFirstEntries(root, opened.draft));
  const options = signal(opened.options);
  const parameters = computed(() => {
    const value = meant(root, draft.value) ?? {};
    return typeof value === 'object' && !Array.isArray(value) ? (value as Parameters) : undefined;
  });
  const address = computed(() => queryOf(root, parameters.value ?? {}, options.value));
  const isChecked = signal(false);
  const problems = computed(() => {
    if (parameters.value === undefined) return new Map([['', 'This is no JSON of an object.']]);
    if (!isChecked.value || checker.value === undefined) return new Map<string, string>();
    const found = checker.value(action.parameters, parameters.value);
    return inDraft(root, draft.value, found);
  });
  return { action, root, draft, options, parameters, address, isChecked, problems };
}

/** Puts a text, a list or an object in the place of a part of the draft. */
export function put({ draft }: Form, path: Path, part: Draft): void {
  draft.value = placed(draft.value, path, part);
}

/** Puts other parameters in the place of all. */
export function fill({ root, draft, isChecked }: Form, parameters: Parameters): void {
  batch(() => {
    isChecked.value = false;
    draft.value = withFirstEntries(root, draftOf(root, parameters));
  });
}

/** What a new entry of a list looks like. */
export function newEntry(list: Field): Draft {
  return itemOf(list).type === 'object' ? {} : '';
}

/** A list that has to be given starts with one entry to fill in. */
function withFirstEntries({ members = [] }: Field, draft: Draft): Draft {
  const lists = members.filter(({ type, required }) => type === 'list' && required);
  const first = Object.fromEntries(lists.map((list) => [list.name, [newEntry(list)]]));
  return { ...first, ...(draft as { readonly [name: string]: Draft }) };
}

function inDraft(root: Field, draft: Draft, found: readonly Problem[]): Map<string, string> {
  const problems = new Map<string, string>();
  for (const { path, text } of found) {
    const place = pathInDraft(root, draft, path);
    const key = place.join('.');
    // What stands in JSON shares one text: its parts are named.
    const rest = path.slice(place.length).join('.');
    if (!problems.has(key)) problems.set(key, rest === '' ? text : `${rest}: ${text}`);
  }
  return problems;
}
