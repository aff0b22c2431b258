import { z } from 'zod';
import { baseDigests, baseSets } from './base.ts';
import { type Fragment, printMemory, ruleDigest } from './render.ts';
import { printRule } from './rules.ts';
import { ownerOf } from './service.ts';

/**
 * What the table holds for one listener, as far as it can be read back: rules by their digests.
 * A change is the difference between two of these, so it costs the same whatever else there is.
 */
export interface Held {
  /** The listener's own chain first. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  readonly memories: ReadonlySet<string>;
  readonly elements: ReadonlySet<string>;
}

const nothing: Held = { chains: new Map(), memories: new Set(), elements: new Set() };

/** What the table holds once `fragment` is in it. */
export function heldBy({ chains, memories, elements, context }: Fragment): Held {
  return {
    chains: new Map(
      chains.map(({ name, rules }) => [name, rules.map((rule) => ruleDigest(rule, context))]),
    ),
    memories: new Set(memories.keys()),
    elements: new Set(elements),
  };
}

/**
 * The lines that bring the table from what it holds for a listener to what it should hold; none
 * when it does. Together with others they are one transaction.
 */
export function changeLines(held: Held | undefined, fragment: Fragment | undefined): string[] {
  const before = held ?? nothing;
  const after = fragment === undefined ? nothing : heldBy(fragment);
  const changed = (fragment?.chains ?? []).filter(
    ({ name }) => String(before.chains.get(name)) !== String(after.chains.get(name)),
  );
  const isNew = (name: string) => !before.chains.has(name);
  const leaving = [...before.chains.keys()].filter((name) => !after.chains.has(name));
  const declared = changed.length > 0 ? (fragment?.declarations ?? []) : [];
  return [
    ...[...before.elements.difference(after.elements)].map((text) => elementLine('delete', text)),
    ...declared,
    ...[...(fragment?.memories ?? [])]
      .filter(([name]) => !before.memories.has(name))
      .map(([name, seconds]) => printMemory(name, seconds, fragment!.context)),
    ...changed.map(({ name }) => `${isNew(name) ? 'add' : 'flush'} chain inet sluice ${name}`),
    ...leaving.map((name) => `flush chain inet sluice ${name}`),
    ...changed.flatMap(({ name, rules }) =>
      rules.map((rule) => {
        const comment = ruleDigest(rule, fragment!.context);
        const text = printRule(rule, fragment!.context);
        return `add rule inet sluice ${name} ${text} comment "${comment}"`;
      }),
    ),
    ...leaving.map((name) => `delete chain inet sluice ${name}`),
    ...[...before.memories.difference(after.memories)].map(
      (name) => `delete set inet sluice ${name}`,
    ),
    ...[...after.elements.difference(before.elements)].map((text) => elementLine('add', text)),
  ];
}

function elementLine(verb: 'add' | 'delete', text: string): string {
  const [set = '', ...words] = text.split(' ');
  // A key alone names an element that goes.
  const element = words.join(' ');
  const what = verb === 'delete' ? element.replace(/ : .*$/, '') : element;
  return `${verb} element inet sluice ${set} { ${what} }`;
}

/** The whole table as it was read. */
export interface Table {
  /** Its hooks and maps are as they should be. */
  readonly isSound: boolean;
  /** By the name of the listener's chain. */
  readonly services: ReadonlyMap<string, Held>;
  /** Elements that no listener has. */
  readonly strays: readonly string[];
}

/** As the kernel has no table of ours. */
export const noTable: Table = { isSound: false, services: new Map(), strays: [] };

const named = z.object({ name: z.string() });
const listed = z.object({
  nftables: z.array(
    z.object({
      chain: named.optional(),
      rule: z.object({ chain: z.string(), comment: z.string().optional() }).optional(),
      set: named.extend({ elem: z.array(z.unknown()).optional() }).optional(),
      map: named.extend({ elem: z.array(z.unknown()).optional() }).optional(),
    }),
  ),
});

/** Reads `nft -j list table inet sluice`. */
export function parseTable(json: string): Table {
  const { nftables } = listed.parse(JSON.parse(json));
  const chains = new Map<string, string[]>();
  const sets = new Map<string, readonly unknown[]>();
  for (const { chain, rule, set, map } of nftables) {
    if (chain !== undefined) chains.set(chain.name, []);
    if (rule !== undefined) chains.get(rule.chain)?.push(rule.comment ?? '');
    const found = set ?? map;
    if (found !== undefined) sets.set(found.name, found.elem ?? []);
  }
  const isSound =
    baseSets.every((name) => sets.has(name)) &&
    [...baseDigests()].every(([name, digests]) => String(chains.get(name)) === String(digests));
  const { owners, elements } = ownersOf(sets);
  const services = new Map<string, Held>();
  for (const name of [...chains.keys()].filter((each) => ownerOf(each) !== undefined)) {
    const isOf = (part: string) => part === name || part.startsWith(`${name}.`);
    const own = [...chains].filter(([chain]) => isOf(chain));
    services.set(name, {
      chains: new Map(own.sort(([a], [b]) => a.length - b.length)),
      memories: new Set([...sets.keys()].filter(isOf)),
      elements: new Set(owners.get(name)),
    });
  }
  const kept = new Set([...services.values()].flatMap((held) => [...held.elements]));
  return { isSound, services, strays: elements.filter((text) => !kept.has(text)) };
}

/** The elements of the base's sets as `Fragment` has them, and by the chain they belong to. */
function ownersOf(sets: ReadonlyMap<string, readonly unknown[]>) {
  const elements = baseSets.flatMap((set) =>
    (sets.get(set) ?? []).map((element) => `${set} ${elementText(element)}`),
  );
  /** `10.0.0.1 . udp . 53` -> its chain. */
  const chains = new Map<string, string>();
  for (const text of elements) {
    const [, key, chain] = /^services[46] (.*) : goto (\S+)$/.exec(text) ?? [];
    if (key !== undefined && chain !== undefined) chains.set(key, chain);
  }
  const owners = new Map<string, string[]>();
  for (const text of elements) {
    const [, key = ''] = /^\S+ (\S+ \. \S+ \. \S+)/.exec(text) ?? [];
    const chain = chains.get(key);
    if (chain !== undefined) owners.set(chain, [...(owners.get(chain) ?? []), text]);
  }
  return { owners, elements };
}

const concat = z.object({ concat: z.array(z.union([z.string(), z.number()])) });
const counted = z.object({ elem: z.object({ val: concat }) });
const mapped = z.tuple([concat, z.object({ goto: z.object({ target: z.string() }) })]);
const anyElement = z.union([mapped, counted, concat]);

function elementText(element: unknown): string {
  const parsed = anyElement.parse(element);
  const value = Array.isArray(parsed) ? parsed[0] : 'elem' in parsed ? parsed.elem.val : parsed;
  const key = value.concat.join(' . ');
  return Array.isArray(parsed) ? `${key} : goto ${parsed[1].goto.target}` : key;
}
