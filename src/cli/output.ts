import type { RpcAnswer, RpcError } from '../client.ts';
import { columns } from './text.ts';

/** An answer's body as JSON for programs, or as tables for people. */
export function printBody(body: unknown, format: 'json' | 'table'): string {
  return format === 'json' ? `${JSON.stringify(body, null, 2)}\n` : toTables(body);
}

/** What pages carry besides their list. */
const paging = new Set(['RequestId', 'TotalCount', 'PageNumber', 'PageSize']);

/** Single values as rows of name and value, then every list as a table. */
function toTables(body: unknown): string {
  const { values, lists } = survey(body);
  const parts = values.length === 0 ? [] : [columns(values)];
  for (const { name, rows } of lists) {
    const title = parts.length > 0 || lists.length > 1 ? `${name}\n` : '';
    parts.push(rows.length === 0 ? `${title}(none)` : title + toTable(rows));
  }
  return `${parts.join('\n\n')}\n`;
}

interface Survey {
  readonly values: string[][];
  readonly lists: { readonly name: string; readonly rows: readonly Record<string, unknown>[] }[];
}

/** Finds the lists of an answer, inside the objects that wrap them too. */
function survey(body: unknown): Survey {
  const found: Survey = { values: [], lists: [] };
  const visit = (name: string, value: unknown): void => {
    if (Array.isArray(value) && value.every(isObject)) found.lists.push({ name, rows: value });
    else if (isObject(value)) for (const [key, inner] of Object.entries(value)) visit(key, inner);
    else if (!paging.has(name)) found.values.push([name, toCell(value)]);
  };
  visit('', body);
  return found;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function toTable(rows: readonly Record<string, unknown>[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return columns([names, ...rows.map((row) => names.map((name) => toCell(row[name])))]);
}

function toCell(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** What the `x-sluice-…` headers say of a change, in words; undefined when they say nothing. */
export function describeHeaders(headers: RpcAnswer['headers']): string | undefined {
  const revision = headers['x-sluice-revision'];
  const applied = headers['x-sluice-applied'];
  const ignored = headers['x-sluice-ignored'];
  const parts = [
    revision === undefined ? '' : `revision ${revision}`,
    applied === undefined ? '' : `applied by ${applied.replace('/', ' of ')} forwarders`,
    ignored === undefined || ignored === '' ? '' : `not attached: ${ignored}`,
  ].filter((part) => part !== '');
  return parts.length === 0 ? undefined : parts.join('; ');
}

/** An error answer, a line for each thing it says. */
export function describeError(error: RpcError): string {
  const { code, message, requestId, recommend, headers } = error;
  const rows: [string, string][] = [
    ['Code', code],
    ['Message', message],
    ['Detail', headers['x-sluice-detail'] ?? ''],
    ['RequestId', requestId],
    ['Recommend', recommend],
  ];
  return rows
    .filter(([, text]) => text !== '')
    .map(([name, text]) => `${name}: ${text}\n`)
    .join('');
}
