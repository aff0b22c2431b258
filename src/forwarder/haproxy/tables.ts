import type { Actual } from './plan.ts';

/** Reads the tables that HAProxy's sockets answer. */

/** The bits of `srv_admin_state` that mean maintenance by command or configuration. */
const maintenanceBits = 0x01 | 0x02 | 0x04 | 0x20;

/** A row of `show servers state`. */
export interface ServerState extends Actual {
  readonly pool: string;
  /** Running, as far as probes tell (in maintenance: not). */
  readonly up: boolean;
  readonly probed: boolean;
}

/** `show servers state [pool]`; an answer without the table's head is an error text. */
export function parseServersState(text: string): ServerState[] {
  const [version, head, ...rows] = text.split('\n');
  if (version !== '1' || !head?.startsWith('#')) throw new Error(`HAProxy answered: ${text}`);
  return rows.map((row) => {
    const fields = row.split(' ');
    const number = (index: number) => Number(fields[index]);
    return {
      pool: fields[1]!,
      name: fields[3]!,
      up: number(5) !== 0,
      maintenance: (number(6) & maintenanceBits) !== 0,
      weight: number(7),
      probed: number(13) !== 0 && (number(13) & 0x02) !== 0,
    };
  });
}

/** Current sessions of each server in `show stat <pool> 4 -1`. */
export function parseSessions(text: string): ReadonlyMap<string, number> {
  const [, ...rows] = text.split('\n');
  return new Map(
    rows.map((row) => {
      const [, server = '', , , current] = row.split(',');
      return [server, Number(current)];
    }),
  );
}

/** One HAProxy process in the master's `show proc`. */
export interface Worker {
  readonly pid: number;
  /** Replaced by a reload and finishing its sessions. */
  readonly old: boolean;
}

/** Workers in `show proc`, current first. */
export function parseProcesses(text: string): Worker[] {
  let old = false;
  const workers: Worker[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('# old workers')) old = true;
    const [, pid] = /^(\d+)\s+worker\s/.exec(line) ?? [];
    if (pid !== undefined) workers.push({ pid: Number(pid), old });
  }
  return workers;
}

/** The listener that HAProxy could not bind, and why, from its log. */
export function parseBindFailure(log: string): { section: string; reason: string } | undefined {
  const found = /Starting (?:frontend|proxy) (\S+): (.+)/.exec(log);
  return found === null ? undefined : { section: found[1]!, reason: found[2]! };
}
