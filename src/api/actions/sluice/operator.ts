import { Refusal } from '../../../elb/refusal.ts';
import { keys } from '../../../store/keys.ts';
import { parseRecord } from '../../../store/records.ts';
import type { Call } from '../../call.ts';

/** Whether the caller's account is the first one, which runs the installation. */
export async function isOperator({ store, caller }: Call): Promise<boolean> {
  const entry = await store.get(keys.rootAccount);
  return entry !== undefined && parseRecord<{ id: string }>(entry).value.id === caller.account;
}

/** @throws Refusal Forbidden.NoPermission for a caller of any other account */
export async function onlyOperator(call: Call): Promise<void> {
  if (!(await isOperator(call))) throw new Refusal('Forbidden.NoPermission');
}
