import { parseArgs } from 'node:util';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A mistake in what was typed: one line for the person who typed it, and exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A flag of a command; without `value` it is a switch. */
export interface Flag {
  readonly name: string;
  /** What its value is called in `--help`. */
  readonly value?: string;
}

export interface ParsedFlags {
  /** Values in the order given; a switch has 'true'. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly positionals: readonly string[];
}

/**
 * Reads `--name value`, `--name=value` and switches.
 * @throws UsageError for a flag that is not in `flags`, a missing value, a value for a switch
 */
export function parseFlags(args: readonly string[], flags: readonly Flag[]): ParsedFlags {
  const options = Object.fromEntries(
    flags.map(({ name, value }) => [
      name,
      { type: value === undefined ? 'boolean' : 'string' } as const,
    ]),
  );
  const { tokens, positionals } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const flag = flags.find(({ name }) => name === token.name);
    if (flag === undefined) {
      throw new UsageError(`unknown flag ${token.rawName}${didYouMean(token.name, flags)}`);
    }
    if (flag.value === undefined && token.value !== undefined) {
      throw new UsageError(`--${flag.name} takes no value`);
    }
    if (flag.value !== undefined && token.value === undefined) {
      throw new UsageError(`--${flag.name} needs a value: --${flag.name} ${flag.value}`);
    }
    values.set(flag.name, [...(values.get(flag.name) ?? []), token.value ?? 'true']);
  }
  return { values, positionals };
}

function didYouMean(name: string, flags: readonly Flag[]): string {
  const near = nearest(
    name,
    flags.map((flag) => flag.name),
  );
  return near.length === 0 ? '' : `; did you mean ${near.map((it) => `--${it}`).join(' or ')}?`;
}

/** Up to three of `names` that `typed` may have meant, nearest first; letter case is ignored. */
export function nearest(typed: string, names: readonly string[]): readonly string[] {
  const lower = typed.toLowerCase();
  return names
    .map((name) => ({ name, distance: editDistance(lower, name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= Math.max(2, name.length / 4))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Levenshtein: single-character insertions, deletions and replacements from `a` to `b`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
