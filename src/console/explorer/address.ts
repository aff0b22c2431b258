import { limits } from '../../limits.ts';
import type { Field } from '../../sdk/fields.ts';
import { type Draft, draftOf, type Parameters, withoutSecrets } from './draft.ts';

/** How a call is made, besides its parameters. Texts as they were typed; empty = not given. */
export interface Options {
  readonly RegionId: string;
  /** Of the samples; the page itself calls its own control plane. */
  readonly Endpoint: string;
  readonly Format: string;
  readonly 'x-sluice-dry-run': string;
  readonly 'x-sluice-if-revision': string;
  readonly 'x-sluice-drain-seconds': string;
  readonly 'x-sluice-confirm-wait': string;
}

export const noOptions: Options = {
  RegionId: '',
  Endpoint: '',
  Format: '',
  'x-sluice-dry-run': '',
  'x-sluice-if-revision': '',
  'x-sluice-drain-seconds': '',
  'x-sluice-confirm-wait': '',
};

/** The headers of a call by its options, those not given left out. */
export function headersOf(options: Options): Record<string, string> {
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => name.startsWith('x-') && value !== ''),
  );
}

/** The code behind another person's link must not call another endpoint than the page's. */
const isCarried = (name: string) => name !== 'Endpoint';

/**
 * The query of an address that opens the form as it is: parameters as the API's own query has
 * them, lists and objects as JSON.
 * @returns also the names that it does not hold: of secrets, which no address should have, of
 *   parameters that the form does not have, and of those past the bound of addresses
 */
export function queryOf(
  form: Field,
  parameters: Parameters,
  options: Options,
): { readonly query: string; readonly omitted: readonly string[] } {
  const { members = [] } = form;
  const { value, secrets } = withoutSecrets(form, parameters);
  const entries = Object.entries({ ...(value as Parameters), ...options });
  const omitted = new Set(secrets);
  let query = '';
  for (const [name, each] of entries) {
    if (each === undefined || each === '' || !isCarried(name)) continue;
    const isKnown = name in options || members.some((member) => member.name === name);
    const part = new URLSearchParams([[name, textOf(each)]]).toString();
    const length = query.length + part.length + 1;
    if (!isKnown || length > limits.explorerAddress) omitted.add(name);
    else query += `${query === '' ? '?' : '&'}${part}`;
  }
  return { query, omitted: [...omitted] };
}

/** The form and the options that an address opens. What it should not hold is not looked at. */
export function fromQuery(
  { members = [] }: Field,
  query: string,
): { readonly draft: Draft; readonly options: Options } {
  const given = new URLSearchParams(query);
  const drafts = members
    .filter(({ name, secret }) => !secret && given.get(name))
    .map((member) => [member.name, readDraft(member, given.get(member.name) ?? '')] as const);
  const options = Object.fromEntries(
    Object.keys(noOptions).map((name) => [name, isCarried(name) ? (given.get(name) ?? '') : '']),
  );
  return { draft: Object.fromEntries(drafts), options: options as unknown as Options };
}

function readDraft(field: Field, text: string): Draft {
  if (field.type !== 'list' && field.type !== 'object') return text;
  try {
    return draftOf(field, withoutSecrets(field, JSON.parse(text)).value);
  } catch {
    // No JSON: the form shows it as it was typed, and says so when the call is to be made.
    return text;
  }
}

function textOf(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
