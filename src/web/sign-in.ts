import { randomBytes } from 'node:crypto';
import { newTemporaryKeyPair } from '../access-key-pair.ts';
import type { Answer } from '../api/answer.ts';
import type { SignedIn } from '../api/authenticate.ts';
import type { ConsoleSessions } from '../api/console-sessions.ts';
import { openTicket } from '../api/console-tickets.ts';
import { ApiError } from '../api/errors.ts';
import { arnOf } from '../api/principals.ts';
import { sameText } from '../api/signature.ts';
import { limits } from '../limits.ts';
import type { Seal } from '../sealing.ts';
import { type CookieHeaders, readCookies, type SessionCookie } from './cookie.ts';

/** What a sign-in rests on. */
export interface Sessions {
  readonly sessions: Pick<ConsoleSessions, 'begin' | 'end' | 'signedIn'>;
  readonly seal: Pick<Seal, 'seal' | 'open'>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** A session that holds, and whom it stands for. */
export interface Current {
  readonly cookie: SessionCookie;
  readonly signedIn: SignedIn;
}

/** Codes of the door that say of a pair that it is none; which of them is not told. */
const noPair = [
  'InvalidAccessKeyId.NotFound',
  'InvalidAccessKeyId.Inactive',
  'SignatureDoesNotMatch',
  'MissingSecurityToken',
];

/**
 * The ticket in the door's answer to a pair, or that answer's refusal in the words of a sign-in.
 * @throws ApiError ConsoleSignIn.Failed
 * @returns undefined for a refusal that is to be told as it is
 */
export function ticketIn({ status, body }: Answer): string | undefined {
  const { Ticket, Code = '' } = JSON.parse(String(body)) as { Ticket?: string; Code?: string };
  if (status === 200) return Ticket;
  if (noPair.includes(Code)) throw new ApiError('ConsoleSignIn.Failed');
  return undefined;
}

/**
 * Makes a session of a ticket, once.
 * @returns undefined for a ticket that is none, was used, or is too old; or whose key is gone
 * @throws StoreUnavailable
 */
export async function redeem(
  { sessions, seal, now }: Sessions,
  text: string,
): Promise<Current | undefined> {
  const ticket = openTicket(text, seal.open);
  if (ticket === undefined || ticket.expiresAt <= now()) return undefined;
  const { id, account, accessKeyId } = ticket;
  const expiresAt = now() + limits.consoleLife;
  if (!(await sessions.begin(id, expiresAt))) return undefined;
  const pair = newTemporaryKeyPair();
  const cookie: SessionCookie = {
    session: {
      v: 1,
      accessKeyId: pair.accessKeyId,
      secret: pair.accessKeySecret,
      account,
      console: { id, accessKeyId },
      expiresAt,
    },
    csrf: randomBytes(32).toString('base64url'),
    seenAt: now(),
  };
  const signedIn = await sessions.signedIn(cookie.session);
  return signedIn && { cookie, signedIn };
}

/**
 * Who sent a request: the session whose cookie and secret it has.
 * @param secret the page's own
 * @throws ApiError ConsoleSession.Ended; StoreUnavailable
 */
export async function current(
  { sessions, seal, now }: Sessions,
  headers: CookieHeaders,
  secret: unknown,
): Promise<Current> {
  const sent = String(secret ?? '');
  const cookie = readCookies(headers, seal.open).find(({ csrf }) => sameText(sent, csrf));
  const isAlive = cookie !== undefined && endOf(cookie) > now();
  const signedIn = isAlive ? await sessions.signedIn(cookie.session) : undefined;
  if (cookie === undefined || signedIn === undefined) throw new ApiError('ConsoleSession.Ended');
  return { cookie, signedIn };
}

/** When a session ends unless it is used, in Unix milliseconds. */
export function endOf({ session, seenAt }: SessionCookie): number {
  return Math.min(session.expiresAt, seenAt + limits.consoleIdle);
}

/** A session as its page sees it. */
export function describe({ cookie, signedIn }: Current) {
  const { account, principal } = signedIn;
  return {
    account,
    kind: principal.kind,
    name: principal.kind === 'root' ? 'root' : principal.name,
    arn: arnOf(signedIn),
    expiresAt: cookie.session.expiresAt,
  };
}
