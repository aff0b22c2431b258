import { isoSeconds } from '../signing.ts';

/** A session of a role: everything that proves and limits it. It travels as the token itself. */
export interface Session {
  readonly v: 1;
  /** The temporary access key that the token goes with. */
  readonly accessKeyId: string;
  readonly secret: string;
  /** That of the role. */
  readonly account: string;
  readonly role: { readonly id: string; readonly name: string };
  readonly name: string;
  /** The policy that narrows what the role may. */
  readonly policy?: string;
  /** Unix milliseconds. */
  readonly expiresAt: number;
}

const context = 'security-token';

/** What AssumeRole answers. */
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
  try {
    return JSON.parse(open(token, context)) as Session;
  } catch {
    // The seal says only that it does not fit; whoever sent it is told no more either.
    return undefined;
  }
}
