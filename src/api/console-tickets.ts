import { openSealed } from '../sealing.ts';

/** What opens one session of the console: sealed, so that any control plane can read it. */
export interface ConsoleTicket {
  readonly v: 1;
  /** That of the session to be: a ticket counts once. */
  readonly id: string;
  readonly account: string;
  /** The access key that the session will stand for. */
  readonly accessKeyId: string;
  /** Unix milliseconds. */
  readonly expiresAt: number;
}

const context = 'console-ticket';

export function sealTicket(
  ticket: ConsoleTicket,
  seal: (secret: string, context: string) => string,
): string {
  return seal(JSON.stringify(ticket), context);
}

/** @returns undefined for a ticket that was altered, or made by somebody else */
export function openTicket(
  text: string,
  open: (sealed: string, context: string) => string,
): ConsoleTicket | undefined {
  return openSealed(text, context, open);
}
