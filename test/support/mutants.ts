import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A small change that breaks a promise, and the tests that must notice. One JSON file each. */
export interface Mutant {
  readonly name: string;
  /** What is broken by it, as a sentence. */
  readonly promise: string;
  /** The source that it changes, from the root. */
  readonly file: string;
  /** Stands in the file once, and is replaced. */
  readonly find: string;
  readonly replace: string;
  /** Test files, from the root, of which one at least must fail. */
  readonly tests: readonly string[];
  /** Only the tests of this name, where the file has slow ones. */
  readonly pattern?: string;
}

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** All of test/mutants, by name. */
export function readMutants(): Mutant[] {
  return globSync('test/mutants/*.json', { cwd: root })
    .sort()
    .map((path) => {
      const mutant = JSON.parse(readFileSync(join(root, path), 'utf8')) as Omit<Mutant, 'name'>;
      return { name: basename(path, '.json'), ...mutant };
    });
}

/** The source with the change in it. @throws Error when it does not apply any more */
export function mutate(source: string, { find, replace }: Mutant): string {
  const parts = source.split(find);
  if (parts.length !== 2) throw new Error(`what it replaces is there ${parts.length - 1} times`);
  return parts.join(replace);
}
