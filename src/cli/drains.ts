import { parseFlags, UsageError } from '../usage.ts';
import { callFlags, connect } from './connect.ts';
import type { RpcCaller, Terminal } from './terminal.ts';
import { columns } from './text.ts';

const flags = [
  { name: 'LoadBalancerId', value: '<text>', text: 'only the drains of this load balancer' },
  { name: 'watch', text: 'follow them until none is left' },
  ...callFlags,
];

/** How often a watched drain is asked for: well under the documented 10 calls a second. */
const pollMs = 500;
const barWidth = 20;

/** A server on its way out. */
interface Drain {
  readonly loadBalancerId: string;
  readonly serverId: string;
  /** `ip:port`, less a port that is not its own. */
  readonly address: string;
  /** Over all forwarders that have counted; undefined when none has yet. */
  readonly sessions: number | undefined;
  /** Unix milliseconds. */
  readonly deadline: number;
  /** Forwarders that do not report: what they have is not counted. */
  readonly silent: readonly string[];
}

export interface Clock {
  now(): number;
  sleep(ms: number): Promise<unknown>;
}

/**
 * `sluice drains`: the removed servers that still have sessions. With `--watch` it follows them
 * and ends when none is left: bars redrawn in place on a terminal, one line a change elsewhere.
 * @throws UsageError for an unknown flag; the client's errors
 */
export async function runDrains(
  args: readonly string[],
  terminal: Terminal,
  clock: Clock,
): Promise<void> {
  const { values, positionals } = parseFlags(args, flags);
  if (positionals[0] !== undefined) throw new UsageError(`unexpected ${positionals[0]}`);
  if (values.has('help')) return terminal.write(drainsHelp());
  const last = (name: string) => values.get(name)?.at(-1);
  const where = { endpoint: last('endpoint'), data: last('data'), ca: last('ca') };
  const client = await connect(terminal, where);
  try {
    const loadBalancerId = last('LoadBalancerId');
    const show = values.has('watch') && terminal.isTty ? drawing(terminal) : printing(terminal);
    const peaks = new Map<string, number>();
    for (;;) {
      const drains = await describeDrains(client, loadBalancerId);
      show(drains.map((drain) => toLine(drain, peaks, clock.now())));
      if (drains.length === 0 || !values.has('watch')) return;
      await clock.sleep(pollMs);
    }
  } finally {
    await client.close();
  }
}

function drainsHelp(): string {
  const rows = flags.map(({ name, value, text }) => [
    `--${name}${value === undefined ? '' : ` ${value}`}`,
    text,
  ]);
  const what = 'removed servers that still have sessions';
  return `sluice drains  ${what}\n\n${columns(rows, '  ')}\n`;
}

interface DrainsAnswer {
  readonly Drains: {
    readonly Drain: readonly {
      readonly LoadBalancerId: string;
      readonly ServerId: string;
      readonly Ip: string;
      readonly Port: number;
      readonly Sessions: number;
      readonly Counted: boolean;
      readonly ForwarderName: string;
      readonly SilentSince: string;
      readonly Deadline: string;
    }[];
  };
}

/** Asks for the drains; those of one server on several forwarders become one. */
async function describeDrains(
  client: RpcCaller,
  loadBalancerId: string | undefined,
): Promise<readonly Drain[]> {
  const parameters = { LoadBalancerId: loadBalancerId };
  const { body } = await client.call('Sluice', 'DescribeDrains', parameters);
  const byServer = new Map<string, Drain>();
  for (const row of (body as DrainsAnswer).Drains.Drain) {
    const address = row.Port === 0 ? row.Ip : `${row.Ip}:${row.Port}`;
    const key = `${row.LoadBalancerId} ${row.ServerId} ${address}`;
    const before = byServer.get(key);
    byServer.set(key, {
      loadBalancerId: row.LoadBalancerId,
      serverId: row.ServerId,
      address,
      sessions: row.Counted ? (before?.sessions ?? 0) + row.Sessions : before?.sessions,
      deadline: Math.max(before?.deadline ?? 0, Date.parse(row.Deadline)),
      silent: [...(before?.silent ?? []), ...(row.SilentSince === '' ? [] : [row.ForwarderName])],
    });
  }
  return [...byServer.values()];
}

/** `lb-5… i-1 10.0.0.5:80 [#########…] 3 sessions, cut in 12 s`; full = all have ended. */
function toLine(drain: Drain, peaks: Map<string, number>, now: number): string {
  const { silent } = drain;
  const line = progressLine(drain, peaks, now);
  return silent.length === 0 ? line : `${line}; silent, not counted: ${silent.join(', ')}`;
}

function progressLine(drain: Drain, peaks: Map<string, number>, now: number): string {
  const { loadBalancerId, serverId, address, sessions } = drain;
  const key = `${loadBalancerId} ${serverId} ${address}`;
  const seconds = Math.max(0, Math.ceil((drain.deadline - now) / 1000));
  if (sessions === undefined) return `${key} counting sessions, cut in ${seconds} s`;
  const peak = Math.max(peaks.get(key) ?? 0, sessions);
  peaks.set(key, peak);
  const ended = peak === 0 ? barWidth : Math.round(((peak - sessions) / peak) * barWidth);
  const bar = '#'.repeat(ended).padEnd(barWidth, '.');
  const left = `${sessions} ${sessions === 1 ? 'session' : 'sessions'}`;
  return `${key} [${bar}] ${left}, cut in ${seconds} s`;
}

type Show = (lines: readonly string[]) => void;

/** Each picture over the one before. */
function drawing(terminal: Terminal): Show {
  let drawn = 0;
  return (lines) => {
    const up = drawn === 0 ? '' : `\r\u001b[${drawn}A\u001b[J`;
    terminal.write(up + lines.map((line) => `${line}\n`).join(''));
    drawn = lines.length;
    if (lines.length === 0) terminal.write('no server is draining\n');
  };
}

/** Each drain again when its sessions have changed, and a last line at the end. */
function printing(terminal: Terminal): Show {
  let before: readonly string[] = [];
  return (lines) => {
    const facts = lines.map((line) => line.replace(/, cut in \d+ s/, ''));
    lines.forEach((line, index) => {
      if (!before.includes(facts[index]!)) terminal.write(`${line}\n`);
    });
    before = facts;
    if (lines.length === 0) terminal.write('no server is draining\n');
  };
}
