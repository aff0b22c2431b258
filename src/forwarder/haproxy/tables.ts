import { endpoint, parseSection, type SectionName } from './names.ts';
import type { Actual } from './plan.ts';

/** Reads what HAProxy's sockets and its log tell. */

/** Bits of `srv_admin_state` (management guide, `show servers state`): FMAINT, IMAINT, RMAINT. */
const maintenanceBits = 0x01 | 0x02 | 0x20;

/** A row of `show servers state`. */
export interface ServerState extends Actual {
  readonly pool: string;
  /** Running, as far as probes tell; false in maintenance. */
  readonly up: boolean;
  readonly probed: boolean;
}

/**
 * Reads `show servers state [pool]`.
 * @throws when it is no such table but an error of HAProxy's
 */
export function parseServersState(text: string): ServerState[] {
  const [version, head, ...rows] = text.split('\n');
  if (version !== '1' || !head?.startsWith('#')) throw new Error(`HAProxy answered: ${text}`);
  return rows.map((row) => {
    const fields = row.split(' ');
    const number = (index: number) => Number(fields[index]);
    return {
      pool: fields[1]!,
      name: fields[3]!,
      address: fields[4] === '-' ? '-' : endpoint(fields[4]!, number(18)),
      up: number(5) !== 0,
      maintenance: (number(6) & maintenanceBits) !== 0,
      weight: number(7),
      // CHK_ST_CONFIGURED, CHK_ST_ENABLED
      probed: (number(13) & 0x02) !== 0,
      probing: (number(13) & 0x04) !== 0,
    };
  });
}

/**
 * Current sessions (`scur`) of each server in `show stat <pool> 4 -1`.
 * @throws when it is no such table
 */
export function parseSessions(text: string): Map<string, number> {
  const [head, ...rows] = text.split('\n');
  if (!head?.startsWith('# pxname,svname,qcur,qmax,scur,')) {
    throw new Error(`HAProxy answered: ${text.slice(0, 200)}`);
  }
  return new Map(
    rows.map((row) => {
      const [, server = '', , , current] = row.split(',');
      return [server, Number(current)];
    }),
  );
}

/** A server in `show stat`. */
export interface ServerRow {
  readonly server: string;
  readonly sessions: number;
  /** The rest are running totals. */
  readonly sessionsTotal: number;
  /** Connections made to it. */
  readonly connects: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Undefined: in maintenance. */
  readonly healthy: boolean | undefined;
}

/**
 * Reads the servers of `show stat <pool> 4 -1`.
 * @throws when it is no such table
 */
export function parseTraffic(text: string): ServerRow[] {
  return statRows(text).map(({ word, number }) => ({
    server: word('svname'),
    sessions: number('scur'),
    sessionsTotal: number('stot'),
    connects: number('connect'),
    bytesIn: number('bin'),
    bytesOut: number('bout'),
    healthy: word('status').startsWith('MAINT') ? undefined : !word('status').startsWith('DOWN'),
  }));
}

/** The rows of `show stat`, by the names of its columns. @throws when it is no such table */
function statRows(text: string) {
  const [head = '', ...rows] = text.split('\n');
  if (!head.startsWith('# pxname,svname,')) {
    throw new Error(`HAProxy answered: ${text.slice(0, 200)}`);
  }
  const columns = new Map(
    head
      .slice(2)
      .split(',')
      .map((name, index) => [name, index]),
  );
  return rows.map((line) => {
    const fields = line.split(',');
    const word = (name: string) => fields[columns.get(name) ?? -1] ?? '';
    return { word, number: (name: string) => Number(word(name) || 0) };
  });
}

/** A proxy in `show stat`: running totals but for `active` and `averageMs`. */
export interface StatsRow {
  /** Of the section. */
  readonly name: string;
  readonly active: number;
  readonly connections: number;
  /** Connections refused before they became sessions. */
  readonly denied: number;
  /** Of a backend: connections that came to no server. */
  readonly failed: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly requests: number;
  readonly responses2xx: number;
  readonly responses3xx: number;
  readonly responses4xx: number;
  readonly responses5xx: number;
  /** Of a backend: queue, connect and response of its last 1,024 requests, in milliseconds. */
  readonly averageMs: number;
}

/**
 * Reads the frontends and backends of `show stat`.
 * @throws when it is no such table
 */
export function parseStats(text: string): StatsRow[] {
  return statRows(text).map(({ word, number }) => {
    const isFront = word('svname') === 'FRONTEND';
    return {
      name: word('pxname'),
      active: number('scur'),
      connections: number(isFront ? 'conn_tot' : 'connect'),
      denied: number('dcon') + number('dses'),
      failed: isFront ? 0 : number('econ'),
      bytesIn: number('bin'),
      bytesOut: number('bout'),
      requests: number('req_tot'),
      responses2xx: number('hrsp_2xx'),
      responses3xx: number('hrsp_3xx'),
      responses4xx: number('hrsp_4xx'),
      responses5xx: number('hrsp_5xx'),
      averageMs: isFront ? 0 : number('qtime') + number('ctime') + number('rtime'),
    };
  });
}

/** A row of `show sess`. */
export interface Session {
  readonly id: string;
  readonly frontend: string;
  readonly pool: string;
  readonly server: string;
  /** Until it times out unless a byte comes, to the second; undefined: no timeout is running. */
  readonly leftMs: number | undefined;
}

export function parseSessionList(text: string): Session[] {
  const rows = text.matchAll(/^(0x[0-9a-f]+): .* fe=(\S+) be=(\S+) srv=(\S+) (.*)$/gm);
  return [...rows].map(([, id, frontend, pool, server, rest]) => {
    const left = [...rest!.matchAll(/[[,]rx=(\w+)/g)].map(([, time]) => milliseconds(time!));
    return {
      id: id!,
      frontend: frontend!,
      pool: pool!,
      server: server!,
      leftMs: left.length === 0 ? undefined : Math.max(...left),
    };
  });
}

/** `14m56s` -> 896,000 */
function milliseconds(time: string): number {
  const units: Readonly<Record<string, number>> = { d: 86_400, h: 3_600, m: 60, s: 1 };
  const parts = [...time.matchAll(/(\d+)([dhms])/g)];
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * units[unit!]! * 1_000, 0);
}

/** Names in `show backend`. */
export function parseBackends(text: string): string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

/** What the master tells in `show proc`. */
export interface Processes {
  readonly reloads: number;
  /** The last reload failed: the worker before it goes on. */
  readonly failed: boolean;
  readonly current: number | undefined;
  /** Workers that a reload replaced and that finish their sessions. */
  readonly old: readonly number[];
}

export function parseProcesses(text: string): Processes {
  const [, reloads, failed] = /^\d+\s+master\s+(\d+) \[failed: (\d+)\]/m.exec(text) ?? [];
  if (reloads === undefined) throw new Error(`HAProxy's master answered: ${text.slice(0, 200)}`);
  const [current = '', old = ''] = text.split('# old workers');
  const pids = (part: string) => [...part.matchAll(/^(\d+)\s+worker\s/gm)].map(([, pid]) => pid);
  const [first] = pids(current);
  return {
    reloads: Number(reloads),
    failed: failed !== '0',
    current: first === undefined ? undefined : Number(first),
    old: pids(old).map(Number),
  };
}

/** Something in our files that HAProxy cannot load. */
export interface Fault {
  /** The listener whose section is named. */
  readonly listener: SectionName | undefined;
  readonly place: { readonly file: string; readonly line: number } | undefined;
  readonly reason: string;
}

/** The faults that HAProxy names in `[ALERT]` lines of its output. */
export function parseAlerts(output: string): Fault[] {
  const lines = output.matchAll(/^\s*\[ALERT\]\s+\(\d+\) : (?:config : )?(.+)$/gm);
  return [...lines].map(([, text = '']) => {
    const [, section] = /(?:frontend|backend|proxy) '?([^\s':]+)/.exec(text) ?? [];
    const [place, file, line] = /\[[^\]]*?([^\]/]+\.cfg):(\d+)\]/.exec(text) ?? [];
    return {
      listener: section === undefined ? undefined : parseSection(section),
      place: file === undefined ? undefined : { file, line: Number(line) },
      // Whoever reads it has not our folders.
      reason: (place === undefined ? text : text.replace(place, `line ${line}`)).slice(0, 300),
    };
  });
}
