import type { IncomingHttpHeaders } from 'node:http';
import type { ConsoleSession } from '../api/sessions.ts';
import { limits } from '../limits.ts';
import { openSealed } from '../sealing.ts';

/** All that a browser holds of a session, and cannot read. */
export interface SessionCookie {
  readonly session: ConsoleSession;
  /**
   * What every request must bring besides the cookie. The page gets it once, at sign-in; who has
   * only the cookie, such as a server on another port of the host name, cannot read it.
   */
  readonly csrf: string;
  /** Unix milliseconds: the last call, to within `limits.consoleRefresh`. */
  readonly seenAt: number;
}

const context = 'console-cookie';

/** Cookies do not tell the ports of a host apart: each Sluice there has a name of its own. */
function nameFor(host = ''): string {
  const [, port] = /:(\d{1,5})$/.exec(host) ?? [];
  return port === undefined ? 'sluice-console' : `sluice-console-${port}`;
}

/** Where a browser has a cookie for: the Host of its request, and whether TLS carries it. */
export interface CookieScope {
  readonly host: string | undefined;
  readonly secure: boolean;
}

/**
 * The Set-Cookie header of a session. It lasts as long as the browser runs.
 */
export function printCookie(
  cookie: SessionCookie,
  seal: (secret: string, context: string) => string,
  { host, secure }: CookieScope,
): string {
  return `${nameFor(host)}=${seal(JSON.stringify(cookie), context)}; ${attributes(secure)}`;
}

/** The Set-Cookie header that takes the cookie away. */
export function noCookie({ host, secure }: CookieScope): string {
  return `${nameFor(host)}=; Max-Age=0; ${attributes(secure)}`;
}

/** One that came over TLS is never sent without. */
function attributes(secure: boolean): string {
  return `Path=/console; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
}

/** What a request says of its session. */
export type CookieHeaders = Pick<IncomingHttpHeaders, 'cookie' | 'host'>;

/**
 * Reads the session cookies of a request's headers. There can be several: a server on another port
 * of the host name can plant one beside ours.
 * @returns none that was altered or that another Sluice made
 */
export function readCookies(
  { cookie = '', host }: CookieHeaders,
  open: (sealed: string, context: string) => string,
): SessionCookie[] {
  const name = `${nameFor(host)}=`;
  return cookie
    .split(/; */)
    .filter((pair) => pair.startsWith(name))
    .slice(0, limits.consoleCookies)
    .flatMap((pair) => openSealed<SessionCookie>(pair.slice(name.length), context, open) ?? []);
}
