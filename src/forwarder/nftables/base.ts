import { counterSets, digest } from './render.ts';

/** What the table has whatever it carries: its hooks, and the maps they look into. */

const key4 = 'ipv4_addr . inet_proto . inet_service';
const key6 = 'ipv6_addr . inet_proto . inet_service';
const service = (version: 4 | 6) =>
  `${version === 4 ? 'ip' : 'ip6'} daddr . meta l4proto . th dport`;
const flow = (version: 4 | 6) => {
  const family = version === 4 ? 'ip' : 'ip6';
  return (
    `ct original ${family} daddr . meta l4proto . ct original proto-dst` +
    ` . ct reply ${family} saddr . ct reply proto-src`
  );
};
const versions = [4, 6] as const;

/** Names of the maps and sets of the base. */
export const baseSets = ['services', 'guards', 'hidden', ...counterSets].flatMap((name) =>
  versions.map((version) => `${name}${version}`),
);

const sets = versions.flatMap((version) => {
  const key = version === 4 ? key4 : key6;
  const address = version === 4 ? 'ipv4_addr' : 'ipv6_addr';
  return [
    `add map inet sluice services${version} { type ${key} : verdict; }`,
    `add map inet sluice guards${version} { type ${key} : verdict; }`,
    `add set inet sluice hidden${version} { type ${key}; }`,
    ...counterSets.map(
      (name) =>
        `add set inet sluice ${name}${version} ` +
        `{ type ${key} . ${address} . inet_service; counter; }`,
    ),
  ];
});

const ours = 'ct status dnat meta l4proto { tcp, udp }';
const lookUp = versions.map((version) => `${service(version)} vmap @services${version}`);
const guard = versions.map((version) => `ct state new ${service(version)} vmap @guards${version}`);
const count = (direction: 'original' | 'reply', name: string) =>
  versions.map(
    (version) => `${ours} ct direction ${direction} ${flow(version)} @${name}${version}`,
  );
const begin = versions.map((version) => `${ours} ${flow(version)} @begun${version}`);
const hide = versions.map((version) => {
  const family = version === 4 ? 'ip' : 'ip6';
  const key = `ct original ${family} daddr . meta l4proto . ct original proto-dst`;
  return `${ours} oifname != "lo" ${key} @hidden${version} masquerade`;
});
const countAll = [...count('original', 'received'), ...count('reply', 'sent')];

/**
 * Chains with the hook they stand at and their rules. Ours come just before others' of the same
 * kind, since the first rule that changes a flow's address is the one that counts. Packets are
 * counted once: as they arrive, and those of this machine as they leave it.
 */
export const baseChains: readonly {
  readonly name: string;
  readonly hook?: string;
  readonly rules: readonly string[];
}[] = [
  {
    name: 'only-syn',
    // A session that was cut ends here: what it still sends is no beginning of a new one.
    rules: ['tcp flags & (fin | syn | rst | ack) != syn reject with tcp reset'],
  },
  { name: 'closed', rules: ['meta l4proto tcp reject with tcp reset', 'drop'] },
  { name: 'guard-in', hook: 'filter hook prerouting priority -111', rules: guard },
  { name: 'guard-own', hook: 'filter hook output priority -111', rules: guard },
  { name: 'to-servers', hook: 'nat hook prerouting priority -101', rules: lookUp },
  { name: 'own-to-servers', hook: 'nat hook output priority -101', rules: lookUp },
  { name: 'count-in', hook: 'filter hook prerouting priority -90', rules: countAll },
  {
    name: 'count-own',
    hook: 'filter hook output priority -90',
    rules: countAll.map((rule) => `oifname != "lo" ${rule}`),
  },
  { name: 'begin-here', hook: 'nat hook input priority 99', rules: begin },
  { name: 'begin', hook: 'nat hook postrouting priority 99', rules: [...begin, ...hide] },
];

/** The table, from nothing: whatever it held is gone. */
export function printBase(): string[] {
  return [
    'add table inet sluice',
    'delete table inet sluice',
    'add table inet sluice',
    ...sets,
    ...baseChains.flatMap(({ name, hook, rules }) => [
      `add chain inet sluice ${name}${hook === undefined ? '' : ` { type ${hook}; }`}`,
      ...rules.map((rule) => `add rule inet sluice ${name} ${rule} comment "${digest(rule)}"`),
    ]),
  ];
}

/** The comments of a base chain's rules, in order. */
export function baseDigests(): ReadonlyMap<string, readonly string[]> {
  return new Map(baseChains.map(({ name, rules }) => [name, rules.map(digest)]));
}
