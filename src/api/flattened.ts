import { limits } from '../limits.ts';

/** Parts of a flattened name, by their place; a leaf is the value. */
type Tree = Map<string, Tree | string>;

/**
 * Reads `Name.1`, `Name.2.Field`, `Name.2.Sub.1` back into lists and objects. Indexes count in
 * rising order, whatever gaps they leave; a node with a part that is no index is an object.
 * Names with more parts than `limits.jsonDepth` are ignored, as unknown names are.
 * @returns undefined when the request has none
 */
export function flattened(parameters: ReadonlyMap<string, string>, name: string): unknown {
  const prefix = `${name}.`;
  const tree: Tree = new Map();
  for (const [key, value] of parameters) {
    if (!key.startsWith(prefix)) continue;
    const parts = key.slice(prefix.length).split('.', limits.jsonDepth + 1);
    if (parts.length <= limits.jsonDepth) plant(tree, parts, value);
  }
  return tree.size === 0 ? undefined : plain(tree);
}

function plant(tree: Tree, parts: readonly string[], value: string): void {
  let node = tree;
  for (const part of parts.slice(0, -1)) {
    const child = node.get(part);
    const next: Tree = child instanceof Map ? child : new Map();
    node.set(part, next);
    node = next;
  }
  node.set(parts.at(-1)!, value);
}

function plain(node: Tree | string): unknown {
  if (typeof node === 'string') return node;
  const entries = [...node];
  if (entries.every(([part]) => /^\d{1,9}$/.test(part))) {
    return entries.sort(([a], [b]) => Number(a) - Number(b)).map(([, child]) => plain(child));
  }
  return Object.fromEntries(entries.map(([part, child]) => [part, plain(child)]));
}
