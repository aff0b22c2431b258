import type { Seal } from '../sealing.ts';
import { keys } from '../store/keys.ts';
import type { Store } from '../store/store.ts';

/**
 * What proves the records of the audit log: derived from the master key, or after that was
 * changed the one from before, which the store then keeps sealed. So what is proven stays so.
 */
export async function auditSecret(store: Store, seal: Seal): Promise<Buffer> {
  const key = keys.auditSecret;
  const found = await store.get(key);
  if (found === undefined) return seal.derive('sluice audit log');
  const { secret } = JSON.parse(found.value) as { readonly secret: string };
  return Buffer.from(seal.open(secret, key), 'hex');
}

/** Has the store keep the secret that counts, before the master key that it comes of goes. */
export async function keepAuditSecret(store: Store, from: Seal, to: Seal): Promise<void> {
  const key = keys.auditSecret;
  if ((await store.get(key)) !== undefined) return;
  const secret = to.seal((await auditSecret(store, from)).toString('hex'), key);
  const { committed } = await store.commit({
    ifRevision: new Map([[key, 0]]),
    puts: [{ key, value: JSON.stringify({ v: 1, secret }) }],
    deletes: [],
  });
  if (!committed) throw new Error('the store has changed meanwhile: stop every control plane');
}
