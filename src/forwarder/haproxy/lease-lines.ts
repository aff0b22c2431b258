import { limits } from '../../limits.ts';
import { handoverSocket } from './base.ts';
import { leaseToken, numberToken, siteToken } from './names.ts';
import { type Carriable, isHttp } from './render.ts';

/** A site's lease as the file has it. */
export interface LeaseEnd {
  readonly site: string;
  /** When it ends, in Unix milliseconds. */
  readonly wallEnd: number;
}

/** Rules of a frontend: HAProxy wants those on connections before those on requests. */
export interface LeaseLines {
  readonly connection: readonly string[];
  readonly request: readonly string[];
}

export const noLease: LeaseLines = { connection: [], request: [] };

/** The section whose one server is up while the agent says that the lease runs. */
function leaseSection(site: string): string {
  return `sluice.lease.${leaseToken(site)}`;
}

/** The variable of a worker that says when the lease ends, in Unix milliseconds. */
export function leaseVariable(site: string): string {
  return `proc.lease_${leaseToken(site)}`;
}

/** The name, in the handover folder, of the socket at which the agent answers checks. */
export function leaseSocket(site: string): string {
  return `lease-${leaseToken(site)}`;
}

/**
 * The lines that keep everything new out of a listener while its site's lease does not run. Both
 * must hold: the agent has just answered a check, which no clock that is set back can fake, and
 * the end that it gave lies ahead, which needs no agent: a HAProxy that was paused, or that
 * is started from an old file, lets nothing in. A replaced worker is no longer checked, and
 * passes its requests on to one that is.
 *
 * Together they keep to `limits.leaseEngineMs`. The wall clock ends a lease to the millisecond (in
 * the kernel, to the second above it); when it is set back in that moment, two checks fail within
 * 200 + 300 + 100 + 300 ms (interval, timeout, interval, timeout). A worker that is being loaded
 * may have `limits.leaseStart` more by the wall clock, and its first check fails within 500 ms.
 */
export function leaseLines(site: string, listener: Carriable): LeaseLines {
  // A worker that stops has no servers any more. What it has just accepted is let in until the
  // end that it knows; that it stops is looked at last, since it may begin to in between.
  const silent = `{ nbsrv(${leaseSection(site)}) eq 0 } !{ stopping }`;
  const over = `!{ date(0,ms),sub(${leaseVariable(site)}) lt 0 }`;
  return {
    connection: [`tcp-request connection reject if ${silent} || ${over}`],
    request: isHttp(listener) ? [`http-request reject if ${silent} || ${over} !{ stopping }`] : [],
  };
}

/** The whole file of leases; empty when no site is held to one. */
export function renderLeases(leases: readonly LeaseEnd[]): string {
  if (leases.length === 0) return '';
  const ends = leases.map(({ site, wallEnd }) => {
    const end = numberToken(wallEnd, 0, Number.MAX_SAFE_INTEGER);
    return `  set-var ${leaseVariable(site)} int(${end})\n`;
  });
  return `global\n${ends.join('')}${leases.map(({ site }) => `\n${sectionOf(site)}`).join('')}`;
}

/** The sites that such a file holds. */
export function leasedSites(text: string): string[] {
  return [...text.matchAll(/^# site ([A-Za-z0-9_-]{1,64})$/gm)].map(([, site = '']) => site);
}

function sectionOf(site: string): string {
  const { intervalMs, timeoutMs, againMs, failures } = limits.leaseCheck;
  return `# site ${siteToken(site)}
backend ${leaseSection(site)}
  mode tcp
  option tcp-check
  tcp-check expect string fresh
  timeout check ${timeoutMs}ms
  server agent ${handoverSocket(leaseSocket(site))} check inter ${intervalMs}ms \
fastinter ${againMs}ms downinter ${againMs}ms fall ${failures} rise 1
`;
}
