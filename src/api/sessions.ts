import { openSealed } from '../sealing.ts';
import { isoSeconds } from '../signing.ts';

/** What proves and limits a session. It travels as the token itself. */
interface Temporary {
  readonly v: 1;
  /** The temporary access key that the token goes with. */
  readonly accessKeyId: string;
  readonly secret: string;
  readonly account: string;
  /** Unix milliseconds. */
  readonly expiresAt: number;
}

/** A session of a role, whose account it has. */
export interface RoleSession extends Temporary {
  readonly role: { readonly id: string; readonly name: string };
  readonly name: string;
  /** The policy that narrows what the role may. */
  readonly policy?: string;
}

/** A session of the console: it may what the key may that signed in, for as long as that may. */
export interface ConsoleSession extends Temporary {
  readonly console: { readonly id: string; readonly accessKeyId: string };
}

export type Session = RoleSession | ConsoleSession;

const context = 'security-token';

/** What a caller signs with: what AssumeRole answers. */
export function credentialsOf(session: Session, seal: (secret: string, context: string) => string) {
  return {
    AccessKeyId: session.accessKeyId,
    AccessKeySecret: session.secret,
    SecurityToken: seal(JSON.stringify(session), context),
    Expiration: isoSeconds(session.expiresAt),
  };
}

/**
 * Reads a token: any control plane with the same master key can, without a trip to the store.
 * @returns undefined for a token that was altered, or made by somebody else
 */
export function openToken(
  token: string,
  open: (sealed: string, context: string) => string,
): Session | undefined {
  return openSealed(token, context, open);
}
