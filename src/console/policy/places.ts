import { jsonLanguage } from '@codemirror/lang-json';
import type { Path } from '../../ram/policy.ts';

/** Offsets in a text: from the first character to behind the last. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

type Node = ReturnType<typeof jsonLanguage.parser.parse>['topNode'];

const valueNames = ['Object', 'Array', 'String', 'Number', 'True', 'False', 'Null'];

/**
 * Where the part of a JSON text stands that a path leads to: a member with its name, or a value
 * of a list; of several lines the first. Where it is missing, the part that should have it.
 */
export function rangeOf(text: string, path: Path): Range {
  const document = valuesIn(jsonLanguage.parser.parse(text).topNode)[0];
  if (document === undefined) return { from: 0, to: text.length };
  let at: Range = document;
  let value: Node | undefined = document;
  for (const step of path) {
    const property: Node | undefined =
      typeof step === 'string' && value ? memberOf(text, value, step) : undefined;
    const next: Node | undefined =
      property === undefined
        ? typeof step === 'number' && value?.name === 'Array'
          ? valuesIn(value)[step]
          : undefined
        : valuesIn(property)[0];
    const found: Node | undefined = property ?? next;
    if (found === undefined) break;
    at = found;
    value = next;
  }
  return firstLine(text, at);
}

/** The path to what stands at an offset, and whether that is the name of a member. */
export function pathAt(text: string, offset: number): { path: Path; isName: boolean } {
  const path: (string | number)[] = [];
  const start = jsonLanguage.parser.parse(text).resolveInner(offset, -1);
  const isName = start.name === 'PropertyName';
  for (let node: Node | null = isName ? (start.parent?.parent ?? null) : start; node; ) {
    const { parent }: Node = node;
    if (node.name === 'Property') path.unshift(nameOf(text, node));
    if (parent?.name === 'Array' && valueNames.includes(node.name)) {
      path.unshift(valuesIn(parent).findIndex(({ from }) => from === node?.from));
    }
    node = parent;
  }
  return { path, isName };
}

function valuesIn(node: Node): readonly Node[] {
  return childrenOf(node).filter(({ name }) => valueNames.includes(name));
}

function memberOf(text: string, object: Node, name: string): Node | undefined {
  return childrenOf(object).find(
    (child) => child.name === 'Property' && nameOf(text, child) === name,
  );
}

function childrenOf(node: Node): Node[] {
  const found: Node[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) found.push(child);
  return found;
}

function nameOf(text: string, property: Node): string {
  const { from, to } = property.firstChild ?? property;
  try {
    return String(JSON.parse(text.slice(from, to)));
  } catch {
    // A name that is being typed: it is none of those that are looked for.
    return '';
  }
}

function firstLine(text: string, { from, to }: Range): Range {
  const end = text.indexOf('\n', from);
  return { from, to: end === -1 || end > to ? to : end };
}
