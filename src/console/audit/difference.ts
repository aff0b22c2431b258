import { diffArrays } from 'diff';
import type { Change } from './event.ts';

/** Lines of a change that stand together: gone, new or as before. */
export interface Part {
  readonly kind: 'gone' | 'new' | 'same';
  readonly lines: readonly string[];
}

/** Lines that are compared; past them a change is shown whole, before and after. */
const linesCompared = 4_000;
/** Unchanged lines shown on each side of a change. */
const around = 3;

/**
 * What changed in a record, as lines of JSON. By lines, so that an item taken out of a list is one
 * that is gone, and not a change of all behind it.
 */
export function differenceOf({ Before, After }: Change): readonly Part[] {
  const [before, after] = [linesOf(Before), linesOf(After)];
  if (before.length + after.length > linesCompared) {
    return [part('gone', before), part('new', after)].filter(({ lines }) => lines.length > 0);
  }
  return diffArrays(before, after).map(({ value, added, removed }) =>
    part(removed ? 'gone' : added ? 'new' : 'same', value),
  );
}

function part(kind: Part['kind'], lines: readonly string[]): Part {
  return { kind, lines };
}

/** Without commas at the ends of lines: the last of a list would differ by its comma alone. */
function linesOf(members: Change['Before']): string[] {
  if (members === null) return [];
  return JSON.stringify(sorted(members), null, 2)
    .split('\n')
    .map((line) => line.replace(/,$/, ''));
}

/** Members by name, at every depth: their order says nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)]),
  );
}

/** The parts with long runs of unchanged lines cut to what stands next to a change. */
export function shortened(parts: readonly Part[]): readonly Part[] {
  return parts.flatMap(({ kind, lines }, index) => {
    const head = index === 0 ? 0 : around;
    const tail = index === parts.length - 1 ? 0 : around;
    if (kind !== 'same' || lines.length <= head + tail + 1) return [{ kind, lines }];
    const left = `… ${lines.length - head - tail} lines as before`;
    return [{ kind, lines: [...lines.slice(0, head), left, ...lines.slice(lines.length - tail)] }];
  });
}
