import type { ConsoleSession } from '../api/sessions.ts';

/** All that a browser holds of a session, and cannot read. */
export interface SessionCookie {
  readonly session: ConsoleSession;
  /** What every call must bring besides the cookie: no foreign page can know it. */
  readonly csrf: string;
  /** Unix milliseconds: the last call, to within `limits.consoleRefresh`. */
  readonly seenAt: number;
}

const name = 'sluice-console';
const context = 'console-cookie';

/**
 * The Set-Cookie header of a session. It lasts as long as the browser runs.
 * @param secure the browser may send it over TLS alone
 */
export function printCookie(
  cookie: SessionCookie,
  seal: (secret: string, context: string) => string,
  secure: boolean,
): string {
  return `${name}=${seal(JSON.stringify(cookie), context)}; ${attributes(secure)}`;
}

/** The Set-Cookie header that takes the cookie away. */
export function noCookie(secure: boolean): string {
  return `${name}=; Max-Age=0; ${attributes(secure)}`;
}

function attributes(secure: boolean): string {
  return `Path=/console; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
}

/**
 * Reads the session of a Cookie header.
 * @returns undefined where it has none, or one that was altered or made by somebody else
 */
export function readCookie(
  header: string | undefined,
  open: (sealed: string, context: string) => string,
): SessionCookie | undefined {
  const found = header?.split(/; */).find((pair) => pair.startsWith(`${name}=`));
  if (found === undefined) return undefined;
  try {
    return JSON.parse(open(found.slice(name.length + 1), context)) as SessionCookie;
  } catch {
    // The seal says only that it does not fit; whoever sent it counts as not signed in.
    return undefined;
  }
}
