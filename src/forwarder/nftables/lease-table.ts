import { z } from 'zod';
import type { LoadBalancer } from '../../elb/types.ts';
import { addressToken, portToken } from '../haproxy/names.ts';
import { digest } from './render.ts';

/** The table that holds sites to their leases: its text, and what is read back of it. */

export const leaseTable = 'inet sluice-leases';

/** What the table holds, times apart. */
export interface LeaseTable {
  /** Leases, by what names a site's. */
  readonly tokens: ReadonlySet<string>;
  /** `10.0.0.1 . tcp . 80` -> the lease that it needs. */
  readonly endpoints: ReadonlyMap<string, string>;
}

/** How long a lease runs from now on. */
export interface Remaining {
  /** Milliseconds, above 0; undefined: it is over. */
  readonly ms: number | undefined;
  /** When it ends, in Unix seconds: the wall clock bounds it too. */
  readonly wallSecond: number;
}

/** Where the running listeners of a load balancer are reached, whatever carries them. */
export function endpointsOf(loadBalancer: LoadBalancer): string[] {
  if (loadBalancer.status !== 'Active') return [];
  const address = addressToken(loadBalancer.address);
  return loadBalancer.listeners
    .filter(({ running }) => running)
    .map(({ protocol, port }) => {
      return `${address} . ${protocol === 'udp' ? 'udp' : 'tcp'} . ${portToken(port)}`;
    });
}

const look = [
  'ip daddr . meta l4proto . th dport vmap @endpoints4',
  'ip6 daddr . meta l4proto . th dport vmap @endpoints6',
];

/** The chains with their hooks. They come before an address is translated. */
function chainsOf(tokens: Iterable<string>) {
  return [
    { name: 'closed', rules: ['meta l4proto tcp reject with tcp reset', 'drop'] },
    // Both must hold: no clock that is set back extends the first, no pause of ours the second.
    ...Array.from(tokens, (token) => ({
      name: `lease.${token}`,
      rules: [`meta l4proto @live.${token} meta time @until.${token} return`, 'goto closed'],
    })),
    { name: 'in', hook: 'filter hook prerouting priority -112', rules: look },
    { name: 'own', hook: 'filter hook output priority -112', rules: look },
  ];
}

/** The table from nothing, every lease over; without a lease there is none. */
export function printLeaseTable({ tokens, endpoints }: LeaseTable): string[] {
  const gone = [`add table ${leaseTable}`, `delete table ${leaseTable}`];
  if (tokens.size === 0) return gone;
  const key = (address: string) => `type ${address} . inet_proto . inet_service : verdict`;
  return [
    ...gone,
    `add table ${leaseTable}`,
    `add map ${leaseTable} endpoints4 { ${key('ipv4_addr')}; }`,
    `add map ${leaseTable} endpoints6 { ${key('ipv6_addr')}; }`,
    ...[...tokens].flatMap((token) => [
      `add set ${leaseTable} live.${token} { type inet_proto; flags timeout; }`,
      `add set ${leaseTable} until.${token} { typeof meta time; flags interval; }`,
    ]),
    ...chainsOf(tokens).flatMap(({ name, rules, ...more }) => [
      `add chain ${leaseTable} ${name}${'hook' in more ? ` { type ${more.hook}; }` : ''}`,
      ...rules.map((rule) => `add rule ${leaseTable} ${name} ${rule} comment "${digest(rule)}"`),
    ]),
    ...[...endpoints].map(([endpoint, token]) => endpointLine('add', endpoint, token)),
  ];
}

/** From the endpoints that the table holds to those that it should. */
export function endpointLines(
  held: ReadonlyMap<string, string>,
  wanted: ReadonlyMap<string, string>,
): string[] {
  const isSame = ([endpoint, token]: [string, string], other: ReadonlyMap<string, string>) =>
    other.get(endpoint) === token;
  return [
    ...[...held]
      .filter((each) => !isSame(each, wanted))
      .map(([endpoint, token]) => endpointLine('delete', endpoint, token)),
    ...[...wanted]
      .filter((each) => !isSame(each, held))
      .map(([endpoint, token]) => endpointLine('add', endpoint, token)),
  ];
}

/** Has a lease run for so long from now on, whatever it had left. Old kernels extend no element. */
export function leaseTimeLines(token: string, { ms, wallSecond }: Remaining): string[] {
  const live = `${leaseTable} live.${token}`;
  const until = `${leaseTable} until.${token}`;
  const cleared = [`flush set ${live}`, `flush set ${until}`];
  if (ms === undefined) return cleared;
  return [
    ...cleared,
    `add element ${live} { tcp timeout ${ms}ms, udp timeout ${ms}ms }`,
    `add element ${until} { 0-${wallSecond} }`,
  ];
}

function endpointLine(verb: 'add' | 'delete', endpoint: string, token: string): string {
  const map = endpoint.includes(':') ? 'endpoints6' : 'endpoints4';
  const verdict = verb === 'add' ? ` : jump lease.${token}` : '';
  return `${verb} element ${leaseTable} ${map} { ${endpoint}${verdict} }`;
}

const listed = z.object({
  nftables: z.array(
    z.object({
      rule: z.object({ chain: z.string(), comment: z.string().optional() }).optional(),
      map: z.object({ elem: z.array(z.unknown()).optional() }).optional(),
    }),
  ),
});
const element = z.tuple([
  z.object({ concat: z.array(z.union([z.string(), z.number()])) }),
  z.object({ jump: z.object({ target: z.string() }) }),
]);

/** Reads `nft -j list table`. @returns undefined when its rules are not those of its leases */
export function parseLeaseTable(json: string): LeaseTable | undefined {
  const { nftables } = listed.parse(JSON.parse(json));
  const rules = new Map<string, string[]>();
  const endpoints = new Map<string, string>();
  for (const { rule, map } of nftables) {
    if (rule !== undefined) {
      rules.set(rule.chain, [...(rules.get(rule.chain) ?? []), rule.comment ?? '']);
    }
    for (const each of map?.elem ?? []) {
      const [{ concat }, { jump }] = element.parse(each);
      endpoints.set(concat.join(' . '), jump.target.replace(/^lease\./, ''));
    }
  }
  const names = [...rules.keys()].flatMap((name) => /^lease\.(\w+)$/.exec(name)?.[1] ?? []);
  const tokens = new Set(names);
  const expected = chainsOf(tokens);
  const isSound =
    rules.size === expected.length &&
    expected.every((chain) => String(rules.get(chain.name)) === String(chain.rules.map(digest)));
  return isSound ? { tokens, endpoints } : undefined;
}
