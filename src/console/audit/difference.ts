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
 * that is gone, and not a change of all behind it. A line of an item that has an id is compared
 * with lines of the same id alone: one server is never shown as changed into another.
 */
export function differenceOf({ Before, After }: Change): readonly Part[] {
  const [before, after] = [linesOf(Before), linesOf(After)];
  if (before.length + after.length > linesCompared) {
    return [part('gone', before), part('new', after)].filter(({ lines }) => lines.length > 0);
  }
  const comparator = (a: Line, b: Line) => a.text === b.text && a.owner === b.owner;
  return diffArrays(before, after, { comparator }).map(({ value, added, removed }) =>
    part(removed ? 'gone' : added ? 'new' : 'same', value),
  );
}

function part(kind: Part['kind'], lines: readonly Line[]): Part {
  return { kind, lines: lines.map(({ text }) => text) };
}

interface Line {
  readonly text: string;
  /** Ids of the items that it is in, outermost first. */
  readonly owner: string;
}

function linesOf(members: Change['Before']): Line[] {
  return members === null ? [] : print(members, { label: '', indent: '', owner: '' });
}

/** Where a value is printed. */
interface Place extends Pick<Line, 'owner'> {
  /** `"name": ` of a member. */
  readonly label: string;
  readonly indent: string;
}

/**
 * JSON without commas at the ends of lines: the last of a list would differ by its comma alone.
 * Members go by name, at every depth: their order says nothing.
 */
function print(value: unknown, { label, indent, owner }: Place): Line[] {
  const line = (text: string): Line => ({ text: indent + text, owner });
  if (typeof value !== 'object' || value === null) return [line(label + JSON.stringify(value))];
  const inner = { indent: `${indent}  `, owner };
  const items = Array.isArray(value)
    ? value.flatMap((item: unknown) =>
        print(item, { ...inner, label: '', owner: `${owner}/${idOf(item)}` }),
      )
    : Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .flatMap(([name, member]) =>
          print(member, { ...inner, label: `${JSON.stringify(name)}: ` }),
        );
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  if (items.length === 0) return [line(`${label}${open}${close}`)];
  return [line(`${label}${open}`), ...items, line(`${close}`)];
}

/** Of an item in a list: its `serverId`, `ServerId`, `id` and so on; empty where it has none. */
function idOf(item: unknown): string {
  if (typeof item !== 'object' || item === null) return '';
  const found = Object.entries(item).find(
    ([name, value]) => /^id$|Id$/.test(name) && typeof value === 'string',
  );
  return String(found?.[1] ?? '');
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
