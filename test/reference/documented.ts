import { readFileSync } from 'node:fs';
import { actions } from '../../src/api/actions/index.ts';

/** The documented actions that are served, and what docs/compatibility.md explains of the rest. */

/** A parameter, a field or the item of a list as the reference has it. */
export interface Documented {
  readonly type: string;
  readonly required?: boolean;
  readonly enum?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly notSet?: readonly number[];
  readonly items?: Documented;
  readonly fields?: Readonly<Record<string, Documented>>;
}

export type Parameter = Documented & { readonly name: string };

export interface DocumentedError {
  readonly code: string;
  readonly http: number;
  readonly message: string;
}

export interface DocumentedAction {
  readonly params: readonly Parameter[];
  readonly response: Readonly<Record<string, Documented>>;
  readonly errors: readonly DocumentedError[];
}

const fixture = new URL('../fixtures/ens-elb.json', import.meta.url);
const all = JSON.parse(readFileSync(fixture, 'utf8')) as {
  readonly actions: Readonly<Record<string, DocumentedAction>>;
};
const catalogue = new Set(
  actions.filter(({ product }) => product === 'Ens').map(({ name }) => name),
);

/** Those that Sluice serves, by name. */
export const served: ReadonlyMap<string, DocumentedAction> = new Map(
  Object.entries(all.actions).filter(([name]) => catalogue.has(name)),
);

const page = readFileSync(new URL('../../docs/compatibility.md', import.meta.url), 'utf8');

/** The rows of the first table under a heading of docs/compatibility.md, less its head. */
function rowsUnder(heading: string): string[][] {
  const [, after = ''] = page.split(`\n## ${heading}\n`);
  const lines = after.split('\n## ')[0]!.split('\n');
  const rows = lines.filter((line) => line.startsWith('| ')).map((line) => line.split('|'));
  return rows.slice(1).map((cells) => cells.slice(1, -1).map((cell) => cell.trim()));
}

/**
 * What a table of docs/compatibility.md explains: the names of its second column, joined with the
 * first. Each must be met: `stale` tells those that never were.
 */
export class Explained {
  readonly #rows: ReadonlySet<string>;
  readonly #met = new Set<string>();

  constructor(heading: string) {
    this.#rows = new Set(
      rowsUnder(heading).flatMap(([first = '', names = '']) =>
        names.split(', ').map((name) => `${bare(first)} ${bare(name)}`),
      ),
    );
  }

  has(first: string, name: string): boolean {
    const row = `${first} ${name}`;
    if (!this.#rows.has(row)) return false;
    this.#met.add(row);
    return true;
  }

  get stale(): string[] {
    return [...this.#rows].filter((row) => !this.#met.has(row));
  }
}

function bare(cell: string): string {
  return cell.replaceAll('`', '');
}
