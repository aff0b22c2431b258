import { limits } from '../limits.ts';
import type { AccessKey } from './access-keys.ts';
import type { Caller, Principal } from './call.ts';
import { ApiError } from './errors.ts';
import type { Identities } from './identities.ts';
import type { Nonces } from './nonces.ts';
import type { RpcRequest } from './request.ts';
import type { ConsoleSession, RoleSession, Session } from './sessions.ts';
import { type Claim, readClaim, verify } from './signature.ts';
import type { Throttle } from './throttle.ts';

/** What proves who is calling. */
export interface Credentials {
  readonly accessKeys: { find(id: string): Promise<AccessKey | undefined> };
  readonly identities: Pick<Identities, 'userName'>;
  /** Undefined for a token that this installation did not make. */
  readonly openToken: (token: string) => Session | undefined;
  /** Who signed in at the console; undefined once that session has ended. */
  readonly signedIn: (session: ConsoleSession) => Promise<SignedIn | undefined>;
  readonly nonces: Nonces;
  readonly throttle: Pick<Throttle, 'admitUnproven' | 'prove'>;
  /** Told of each key of a user or an account whose signature held. */
  readonly onKeyUsed: (id: string) => void;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** Whom a session of the console stands for. */
export type SignedIn = Pick<Caller, 'account' | 'principal'>;

/** What an access key stands for. */
interface Holder {
  readonly accessKeyId: string;
  readonly secret: string;
  readonly account: string;
  readonly principal: Principal;
  readonly sessionPolicy?: string;
}

/**
 * Proves the signature, then burns the nonce: only a proven request may use one up. What costs
 * little is looked at first: whether the address may still be refused anything, and the key.
 * @throws ApiError as `readClaim` and `verify`; InvalidAccessKeyId.…, InvalidSecurityToken.…,
 *   MissingSecurityToken, SignatureNonceUsed, Throttling, Throttling.User
 */
export async function authenticate(credentials: Credentials, request: RpcRequest): Promise<Caller> {
  const claim = readClaim(request, credentials.now());
  const isTemporary = claim.accessKeyId.startsWith('STS.');
  credentials.throttle.admitUnproven(request.sourceIp, claim.accessKeyId);
  const { secret, ...holder } = isTemporary
    ? await temporaryHolder(credentials, claim)
    : await lastingHolder(credentials, claim);
  verify(claim, secret);
  // The key's own text: that of the claim may be a part of a long query and keep all of it.
  const { accessKeyId } = holder;
  credentials.throttle.prove(request.sourceIp, accessKeyId);
  if (credentials.nonces.isFull(accessKeyId)) {
    throw new ApiError('Throttling.User', { retryAfterMs: limits.nonceRetry });
  }
  if (!credentials.nonces.use(accessKeyId, claim.nonce)) throw new ApiError('SignatureNonceUsed');
  // Forwarders call every second, and DescribeForwarders tells which are live.
  const isMachine = holder.principal.kind === 'forwarder';
  if (!isTemporary && !isMachine) credentials.onKeyUsed(accessKeyId);
  return {
    ...holder,
    sourceIp: request.sourceIp,
    userAgent: (request.headers['user-agent'] ?? '').slice(0, limits.userAgent),
    secure: request.secure,
  };
}

async function lastingHolder(
  { accessKeys, identities }: Credentials,
  claim: Claim,
): Promise<Holder> {
  const key = await accessKeys.find(claim.accessKeyId);
  if (key === undefined) throw new ApiError('InvalidAccessKeyId.NotFound');
  if (key.status !== 'Active') throw new ApiError('InvalidAccessKeyId.Inactive');
  if (claim.securityToken !== undefined) throw new ApiError('InvalidSecurityToken.Malformed');
  const { id: accessKeyId, secret, account } = key;
  return { accessKeyId, secret, account, principal: principalOf(key, identities) };
}

/** Whom an access key stands for. Names change: its record has the id alone. */
export function principalOf(
  { account, principal }: Pick<AccessKey, 'account' | 'principal'>,
  identities: Credentials['identities'],
): Principal {
  if (principal.kind !== 'user') return principal;
  return { ...principal, name: identities.userName(account, principal.id) ?? principal.id };
}

async function temporaryHolder(credentials: Credentials, claim: Claim): Promise<Holder> {
  const { openToken, now } = credentials;
  const { securityToken: token, accessKeyId } = claim;
  const session = token === undefined ? undefined : openToken(token);
  if (session === undefined) {
    throw new ApiError(
      token === undefined ? 'MissingSecurityToken' : 'InvalidSecurityToken.Malformed',
    );
  }
  if (session.accessKeyId !== accessKeyId) {
    throw new ApiError('InvalidSecurityToken.MismatchWithAccessKey');
  }
  if (session.expiresAt <= now()) throw new ApiError('InvalidSecurityToken.Expired');
  if ('role' in session) return roleHolder(session);
  const signedIn = await credentials.signedIn(session);
  if (signedIn === undefined) throw new ApiError('InvalidSecurityToken.Expired');
  return { accessKeyId: session.accessKeyId, secret: session.secret, ...signedIn };
}

function roleHolder({ accessKeyId, secret, account, role, name, policy }: RoleSession): Holder {
  return {
    accessKeyId,
    secret,
    account,
    principal: { kind: 'role', ...role, session: name },
    ...(policy === undefined ? {} : { sessionPolicy: policy }),
  };
}
