import type { ActionDescription } from '../describe.ts';
import { type Field, fieldsOf } from '../fields.ts';

/** One call to write code for. */
export interface SampleRequest {
  readonly action: ActionDescription;
  /** Parameters as they are meant: numbers, lists, objects. What is empty is left out. */
  readonly values: Readonly<Record<string, unknown>>;
  /** `http://127.0.0.1:8080` */
  readonly endpoint: string;
  /** What the aliyun CLI and Terraform insist on; absent: `cn-hangzhou`. */
  readonly region?: string;
  /** Further request headers, such as `x-sluice-dry-run`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Files by their path in the project. */
export type Project = Readonly<Record<string, string>>;

/** A language or tool that calls are written in. */
export interface Language {
  readonly id: string;
  readonly title: string;
  /** Whether it can make calls of this action. */
  offers(action: ActionDescription): boolean;
  /** The command that installs what the code needs. */
  installs(request: SampleRequest): string;
  /** The code, whole. */
  source(request: SampleRequest): string;
  /** Everything that a folder needs so that the code runs in it as it is. */
  project(request: SampleRequest): Project;
}

/** A call as it goes out: every parameter a text, as the query has them. */
export interface FlatCall {
  readonly action: string;
  readonly version: string;
  readonly protocol: 'HTTP' | 'HTTPS';
  /** `127.0.0.1:8080` */
  readonly host: string;
  readonly query: readonly (readonly [name: string, text: string])[];
  readonly headers: readonly (readonly [name: string, text: string])[];
}

export function flatCall(request: SampleRequest): FlatCall {
  const { action, endpoint, headers = {} } = request;
  const url = new URL(endpoint);
  return {
    action: action.name,
    version: action.version,
    protocol: url.protocol === 'https:' ? 'HTTPS' : 'HTTP',
    host: url.host,
    query: Object.entries(filled(request)).flatMap(([name, value]) => flat(name, value)),
    headers: Object.entries(headers).filter(([, text]) => text !== ''),
  };
}

/** Actions that answer with a stream need a client that reads one as it comes. */
export const answersOnce = (action: ActionDescription) => !action.streams;

/**
 * The values that say something, in the schema's order: no empty texts, lists and objects, at any
 * depth, and no name that the action lacks, so that names may stand in code as they are.
 */
export function filled({ action, values }: Pick<SampleRequest, 'action' | 'values'>): Values {
  return members(fieldsOf(action.parameters), values);
}

type Values = Readonly<Record<string, unknown>>;

function members(fields: readonly Field[], values: Values): Values {
  const said = fields
    .filter(({ name }) => Object.hasOwn(values, name))
    .map((field) => [field.name, meant(field, values[field.name])] as const);
  return Object.fromEntries(said.filter(([, value]) => value !== undefined));
}

function meant(field: Field, value: unknown): unknown {
  if (value === undefined || value === null || value === '') return undefined;
  // Half a surrogate pair has no UTF-8, so no file of code and no request can hold it.
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (Array.isArray(value)) {
    const items = value.map((item) => meant(field, item)).filter((item) => item !== undefined);
    return items.length === 0 ? undefined : items;
  }
  if (typeof value !== 'object') return value;
  if (field.members === undefined) return JSON.stringify(value).toWellFormed();
  const object = members(field.members, value as Values);
  return Object.keys(object).length === 0 ? undefined : object;
}

/** Lists that the real service takes as `Name.1.Field` alone; the others are one JSON text. */
const repeated = ['Tag', 'LookupAttribute'];

function flat(name: string, value: unknown): [name: string, text: string][] {
  if (typeof value !== 'object' || value === null) return [[name, String(value)]];
  if (!repeated.includes(name.split('.')[0]!)) return [[name, JSON.stringify(value)]];
  const members = Array.isArray(value)
    ? value.map((item, index) => [String(index + 1), item] as const)
    : Object.entries(value);
  return members.flatMap(([part, member]) => flat(`${name}.${part}`, member));
}
