import { createHash } from 'node:crypto';
import type { Scheduler } from '../../elb/types.ts';
import { limits } from '../../limits.ts';
import { numberToken, UnsafeValue } from '../haproxy/names.ts';
import {
  type Chain,
  type Family,
  printRule,
  type QuicId,
  type RuleContext,
  type Selector,
  type Statement,
  timeoutDeclaration,
} from './rules.ts';
import type { Server, Service } from './service.ts';
import { hashSlots, turnSlots } from './slots.ts';

/** All that the table holds for one listener. Its chain comes first. */
export interface Fragment {
  readonly chains: readonly Chain[];
  readonly context: RuleContext;
  /** Names of sets that remember clients, with how long, in seconds. */
  readonly memories: ReadonlyMap<string, number>;
  /** `services4 10.0.0.1 . udp . 53 : goto svc.lb-5….udp-53` */
  readonly elements: readonly string[];
  /** Declarations that are made anew at no cost. */
  readonly declarations: readonly string[];
}

/** A server that new flows go to, with its part of them. */
export interface OpenServer {
  readonly server: Server;
  /** Above 0. */
  readonly share: number;
}

/**
 * The rules of a listener.
 * @param open the servers that new flows go to
 */
export function render(service: Service, open: readonly OpenServer[]): Fragment {
  const { family, protocol, settings } = service;
  const context = { family, protocol };
  const seconds = settings.establishedTimeoutSeconds;
  const memories = new Map<string, number>();
  const persistence = open.length > 0 ? persistenceOf(service) : 0;
  const timeout: Statement[] = [{ kind: 'timeout', seconds }];
  const chains = [];
  if (persistence === 0) {
    chains.push({ name: service.name, rules: [timeout, ...pickRules(service, open)] });
  } else {
    const owns = open.map(({ server }) => ({ server, chain: serverChain(service, server) }));
    for (const { chain } of owns) memories.set(memoryName(chain, persistence), persistence);
    const known = owns.map(({ chain }): Statement[] => [
      { kind: 'known', set: memoryName(chain, persistence) },
      { kind: 'goto', slots: [chain] },
    ]);
    const names = new Map(owns.map(({ server, chain }) => [server, chain]));
    const picks = pickRules(service, open, (server) => names.get(server)!);
    chains.push({ name: service.name, rules: [timeout, ...known, ...picks] });
    for (const { server, chain } of owns) {
      const rules: Statement[][] = [
        [{ kind: 'remember', set: memoryName(chain, persistence) }],
        [{ kind: 'dnat', slots: [{ ip: server.ip, port: server.port }] }],
      ];
      chains.push({ name: chain, rules });
    }
  }
  return {
    chains,
    context,
    memories,
    elements: elementsOf(service, open),
    declarations: [timeoutDeclaration(seconds, context)],
  };
}

/** What changes when any part of a rule does; the rule carries it as its comment. */
export function ruleDigest(statements: readonly Statement[], context: RuleContext): string {
  return digest(printRule(statements, context));
}

export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** How long a client is remembered, in seconds; 0 = not at all. */
function persistenceOf({ settings }: Service): number {
  if (settings.protocol !== 'tcp') return 0;
  return Number(numberToken(settings.persistenceTimeoutSeconds, 0, 3_600));
}

/** @param seconds kept in the name, since a set's timeout cannot be changed */
function memoryName(chain: string, seconds: number): string {
  return `${chain}.t${seconds}`;
}

function serverChain({ name }: Service, server: Server): string {
  return `${name}.to.${digest(server.name)}`;
}

function pickRules(
  { settings }: Service,
  open: readonly OpenServer[],
  chainOf?: (server: Server) => string,
): Statement[][] {
  const [first] = open;
  if (first === undefined) return [];
  const to = (servers: readonly Server[], by?: Selector): Statement[] => {
    const how = by === undefined ? {} : { by };
    if (chainOf !== undefined) return [{ kind: 'goto', ...how, slots: servers.map(chainOf) }];
    return [{ kind: 'dnat', ...how, slots: servers.map(({ ip, port }) => ({ ip, port })) }];
  };
  // The kernel takes the slots of a replaced rule away a moment before it has seen out the packets
  // that follow that rule: they find none, and must not be left to the machine itself.
  const last = to([first.server]);
  if (open.length === 1) return [last];
  const { scheduler } = settings;
  if (scheduler === 'wrr' || scheduler === 'rr' || scheduler === 'wlc') {
    const shares = open.map(({ share }) => (scheduler === 'rr' ? 1 : share));
    const servers = turnSlots(shares).map((index) => open[index]!.server);
    return [to(servers, 'turn'), last];
  }
  const named = open.map(({ server, share }) => ({ name: server.name, weight: share }));
  const servers = hashSlots(named).map((index) => open[index]!.server);
  return [...hashSelectors(scheduler, settings.protocol).map((by) => to(servers, by)), last];
}

/** Bytes of a QUIC connection id that qch hashes: clients' and servers' ids have at least 8. */
const wholeId = { from: 0, bytes: 8 } as const;
/** iqch: the fourth to the sixth byte. */
const innerId = { from: 3, bytes: 3 } as const;

/** In the order to try them; the last one fits every packet. */
function hashSelectors(scheduler: Scheduler, protocol: 'tcp' | 'udp'): Selector[] {
  if (scheduler === 'tch') return ['tuple'];
  if (scheduler !== 'sch' && scheduler !== 'qch' && scheduler !== 'iqch') {
    throw new UnsafeValue(scheduler, 'scheduler');
  }
  if (scheduler === 'sch' || protocol === 'tcp') return ['client'];
  const part = scheduler === 'qch' ? wholeId : innerId;
  const ids: QuicId[] = [
    { header: 'long', ...part },
    { header: 'short', ...part },
  ];
  return [...ids, 'client'];
}

function elementsOf(service: Service, open: readonly OpenServer[]): string[] {
  const { name, protocol, settings } = service;
  const key = serviceKey(service);
  const version = suffix(service.family);
  const isClosed = open.length === 0;
  const flows = new Set(
    [...service.servers, ...service.draining].map(({ ip, port }) => `${key} . ${ip} . ${port}`),
  );
  return [
    `services${version} ${key} : goto ${name}`,
    ...(isClosed ? [`guards${version} ${key} : goto closed`] : []),
    ...(protocol === 'tcp' && !isClosed ? [`guards${version} ${key} : goto only-syn`] : []),
    ...(settings.eipTransmit ? [] : [`hidden${version} ${key}`]),
    ...[...flows].flatMap((flow) => counterSets.map((set) => `${set}${version} ${flow}`)),
  ];
}

/** Sets that count by listener and server: flows begun, and packets and bytes either way. */
export const counterSets = ['begun', 'received', 'sent'] as const;

/** `10.0.0.1 . udp . 53` */
export function serviceKey({
  address,
  protocol,
  port,
}: Pick<Service, 'address' | 'protocol' | 'port'>): string {
  return `${address} . ${protocol} . ${port}`;
}

export function suffix(family: Family): '4' | '6' {
  return family === 'ip' ? '4' : '6';
}

/** The lines that declare a set that remembers clients. */
export function printMemory(name: string, seconds: number, { family }: RuleContext): string {
  const type = family === 'ip' ? 'ipv4_addr' : 'ipv6_addr';
  return (
    `add set inet sluice ${name} { type ${type}; flags dynamic,timeout; ` +
    `timeout ${seconds}s; size ${limits.persistentClients}; }`
  );
}
