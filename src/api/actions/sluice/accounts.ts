import { randomInt } from 'node:crypto';
import { z } from 'zod';
import { newAccessKeyPair } from '../../../access-key-pair.ts';
import { Refusal } from '../../../elb/refusal.ts';
import { isoSeconds } from '../../../signing.ts';
import { keys } from '../../../store/keys.ts';
import { parseRecord } from '../../../store/records.ts';
import type { AccessKeyRecord } from '../../access-keys.ts';
import type { Call } from '../../call.ts';
import { defineAction } from '../action.ts';
import { label } from '../fields.ts';
import { errors, limits, sluiceResource } from './fields.ts';
import { onlyOperator } from './operator.ts';

/** Accounts of one installation. The first one runs it; each sees what is its own alone. */

/** An account besides the first one, which the control plane itself makes. */
interface AccountRecord {
  readonly v: 1;
  readonly id: string;
  readonly name: string;
  readonly createTime: string;
}

/** @throws Refusal Forbidden.NoPermission unless the first account itself is calling */
async function onlyFirstRoot(call: Call): Promise<void> {
  if (call.caller.principal.kind !== 'root') throw new Refusal('Forbidden.NoPermission');
  await onlyOperator(call);
}

export const CreateAccount = defineAction({
  name: 'CreateAccount',
  product: 'Sluice',
  access: 'create',
  summary: 'Makes a further account and answers its root access key, once.',
  description:
    'Only the first account itself can. Accounts share forwarders and nothing else: each sees ' +
    'and changes what is its own, and counts its own calls a second.',
  input: z.object({ AccountName: label(1, 64).describe('Names it for people; kept and shown.') }),
  output: z.object({
    AccountId: z.string(),
    AccessKeyId: z.string(),
    AccessKeySecret: z.string().describe('Shown this once.'),
  }),
  errors: errors,
  limits,
  resource: (_, account) => sluiceResource('account/*', account),
  run: async ({ AccountName }, call) => {
    await onlyFirstRoot(call);
    return call.transact(async (reads) => {
      // 16 digits, as account ids have; one that is taken fails below and is drawn anew.
      const id = `${randomInt(1, 10)}${String(randomInt(1e14)).padStart(15, '0')}`;
      const own = keys.account(id);
      if ((await reads.get(own)) !== undefined) throw new Refusal('OperationConflict');
      const createTime = isoSeconds(call.now());
      const account: AccountRecord = { v: 1, id, name: AccountName, createTime };
      const { accessKeyId, accessKeySecret } = newAccessKeyPair();
      const key = keys.accessKey(accessKeyId);
      const record: AccessKeyRecord = {
        v: 1,
        id: accessKeyId,
        account: id,
        principal: { kind: 'root' },
        secret: call.seal(accessKeySecret, key),
        status: 'Active',
        createTime,
      };
      return {
        puts: new Map<string, unknown>([
          [own, account],
          [key, record],
        ]),
        result: { AccountId: id, AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret },
      };
    });
  },
});

export const ListAccounts = defineAction({
  name: 'ListAccounts',
  product: 'Sluice',
  access: 'list',
  summary: 'Lists the accounts besides the first one. Only the first account itself can.',
  input: z.object({}),
  output: z.object({
    Accounts: z.object({
      Account: z.array(
        z.object({ AccountId: z.string(), AccountName: z.string(), CreateTime: z.string() }),
      ),
    }),
  }),
  errors: errors,
  limits,
  resource: (_, account) => sluiceResource('account/*', account),
  run: async (_, call) => {
    await onlyFirstRoot(call);
    const { entries } = await call.store.range(keys.accounts);
    const Account = entries.map((entry) => {
      const { id, name, createTime } = parseRecord<AccountRecord>(entry).value;
      return { AccountId: id, AccountName: name, CreateTime: createTime };
    });
    return { Accounts: { Account } };
  },
});
