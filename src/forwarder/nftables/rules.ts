import { numberToken, portToken } from '../haproxy/names.ts';

/**
 * The rules of one listener as data: what is printed for nft, and what a test's packet tracer
 * follows.
 */

export type Family = 'ip' | 'ip6';

/** Where a flow goes. The address is one that `addressToken` passed. */
export interface Target {
  readonly ip: string;
  readonly port: number;
}

/** What a slot is picked by: in turn, or by a hash that every forwarder computes alike. */
export type Selector = 'turn' | 'client' | 'tuple' | QuicId;

/** Bytes of the QUIC connection id in packets with a long or a short header. */
export interface QuicId {
  readonly header: 'long' | 'short';
  /** First byte of the id that counts, and how many do. */
  readonly from: number;
  readonly bytes: number;
}

export type Statement =
  /** The flow ends when it has been idle for so long. */
  | { readonly kind: 'timeout'; readonly seconds: number }
  /** Go on only if the set remembers the client. */
  | { readonly kind: 'known'; readonly set: string }
  | { readonly kind: 'remember'; readonly set: string }
  /** One target for each slot, or a single one without a selector. */
  | { readonly kind: 'dnat'; readonly by?: Selector; readonly slots: readonly Target[] }
  /** One chain for each slot, or a single one without a selector. */
  | { readonly kind: 'goto'; readonly by?: Selector; readonly slots: readonly string[] };

export interface Chain {
  readonly name: string;
  /** In order; a packet that none of them sends on is left to the machine itself. */
  readonly rules: readonly (readonly Statement[])[];
}

export interface RuleContext {
  readonly family: Family;
  readonly protocol: 'tcp' | 'udp';
}

/** Fixed, so that every forwarder and every life of it sends a client to the same server. */
const seed = '0x5eed0e1b';

/** A rule as nft reads it, without its comment. */
export function printRule(statements: readonly Statement[], context: RuleContext): string {
  return statements.map((statement) => printStatement(statement, context)).join(' ');
}

/** The name of the conntrack timeout policy that a `timeout` statement sets. */
export function timeoutPolicy(seconds: number, { family, protocol }: RuleContext): string {
  return `${protocol}-${family}-${numberToken(seconds, 10, 900)}`;
}

/** What declares that policy. */
export function timeoutDeclaration(seconds: number, context: RuleContext): string {
  const value = numberToken(seconds, 10, 900);
  const policy =
    context.protocol === 'tcp'
      ? `established : ${value}`
      : `unreplied : ${value}, replied : ${value}`;
  return (
    `add ct timeout inet sluice ${timeoutPolicy(seconds, context)} ` +
    `{ protocol ${context.protocol}; l3proto ${context.family}; policy = { ${policy} }; }`
  );
}

function printStatement(statement: Statement, context: RuleContext): string {
  const { family, protocol } = context;
  switch (statement.kind) {
    case 'timeout':
      return `ct timeout set "${timeoutPolicy(statement.seconds, context)}"`;
    case 'known':
      return `${family} saddr @${statement.set}`;
    case 'remember':
      return `update @${statement.set} { ${family} saddr }`;
    case 'dnat': {
      const { by, slots } = statement;
      const guard = by === undefined ? '' : printGuard(by);
      const to = `meta l4proto ${protocol} ${guard}dnat ${family} to`;
      if (by === undefined) return `${to} ${printEndpoint(slots[0]!, family)}`;
      const map = slots.map(({ ip, port }, slot) => `${slot} : ${ip} . ${portToken(port)}`);
      return `${to} ${printSelector(by, family, slots.length)} map { ${map.join(', ')} }`;
    }
    case 'goto': {
      const { by, slots } = statement;
      if (by === undefined) return `goto ${slots[0]}`;
      const map = slots.map((chain, slot) => `${slot} : goto ${chain}`);
      const guard = printGuard(by);
      return `${guard}${printSelector(by, family, slots.length)} vmap { ${map.join(', ')} }`;
    }
  }
}

function printEndpoint({ ip, port }: Target, family: Family): string {
  return `${family === 'ip6' ? `[${ip}]` : ip}:${portToken(port)}`;
}

/** Bits from the start of the UDP header to the first byte of the connection id (RFC 9000, 17). */
const idOffset = { long: 64 + 48, short: 64 + 8 } as const;

/** What must hold for a packet so that the selector makes sense. */
function printGuard(by: Selector): string {
  if (typeof by === 'string') return '';
  if (by.header === 'short') return '@th,64,8 & 0x80 == 0x00 ';
  // The long header says how long the id is.
  return `@th,64,8 & 0x80 == 0x80 @th,104,8 >= ${by.from + by.bytes} `;
}

function printSelector(by: Selector, family: Family, slots: number): string {
  if (by === 'turn') return `numgen inc mod ${slots}`;
  return `jhash ${hashed(by, family)} mod ${slots} seed ${seed}`;
}

function hashed(by: Exclude<Selector, 'turn'>, family: Family): string {
  if (by === 'client') return `${family} saddr`;
  // A listener has one address and port, so the client's two tell all four apart.
  if (by === 'tuple') return `${family} saddr . th sport`;
  return `@th,${idOffset[by.header] + by.from * 8},${by.bytes * 8}`;
}
