import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Refusal } from '../../elb/refusal.ts';
import { limits } from '../../limits.ts';
import { keys } from '../../store/keys.ts';
import type { Call, Reads, Writes } from '../call.ts';
import { expiredKeys } from './expired-keys.ts';

export const clientToken = z
  .string()
  .max(64)
  .regex(/^[\x20-\x7e]+$/)
  .optional()
  .describe('Makes a repeated call answer what the first one did, for 10 minutes.');

interface TokenRecord {
  readonly v: 1;
  /** SHA-256 of the action and its parameters. */
  readonly parameters: string;
  readonly answer: unknown;
  /** Unix milliseconds. */
  readonly expiresAt: number;
}

/**
 * Runs `create` unless the account has sent this ClientToken within the last 10 minutes: then the
 * first call's answer is given again and nothing is written. The token is written in the same
 * commit as what it stands for, so a call that failed leaves none; a few expired ones go with it.
 * @throws Refusal IdempotentParameterMismatch when the token came with other parameters
 */
export async function oncePerToken<Answer>(
  { ClientToken: token, ...parameters }: { readonly ClientToken?: string | undefined },
  call: Call,
  reads: Reads,
  create: () => Promise<Writes<Answer>>,
): Promise<Writes<Answer>> {
  if (token === undefined) return create();
  const { account } = call.caller;
  const key = keys.clientToken(account, token);
  const digest = createHash('sha256')
    .update(JSON.stringify([call.action, parameters]))
    .digest('hex');
  const earlier = (await reads.get<TokenRecord>(key))?.value;
  if (earlier !== undefined && earlier.expiresAt > call.now()) {
    if (earlier.parameters !== digest) throw new Refusal('IdempotentParameterMismatch');
    return { result: earlier.answer as Answer };
  }
  const writes = await create();
  const expiresAt = call.now() + limits.clientToken;
  const record: TokenRecord = { v: 1, parameters: digest, answer: writes.result, expiresAt };
  const expired = await expiredKeys<TokenRecord>(
    { prefix: keys.clientTokens(account), own: key, isExpired: hasExpired(call.now()) },
    call,
    reads,
  );
  return {
    ...writes,
    puts: new Map([...(writes.puts ?? []), [key, record]]),
    deletes: [...(writes.deletes ?? []), ...expired],
  };
}

function hasExpired(now: number) {
  return ({ expiresAt }: TokenRecord) => expiresAt <= now;
}
