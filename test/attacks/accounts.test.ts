import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RpcClient } from '../../src/client.ts';
import { startSluice } from '../support/sluice.ts';
import { until } from '../support/wait.ts';

interface Verified {
  readonly Intact: boolean;
  readonly Seals: number;
  readonly Records: number;
  readonly UnsealedRecords: number;
  readonly NewestSeal: string;
}

test('VerifyAuditRecords says nothing of the calls of other accounts', async () => {
  const sluice = await startSluice({ mode: 'control-plane', flags: [] });
  const { client, endpoint } = sluice;
  const { body } = await client.call('Sluice', 'CreateAccount', { AccountName: 'other' });
  const { AccessKeyId, AccessKeySecret } = body as Record<string, string>;
  const pair = { accessKeyId: AccessKeyId!, accessKeySecret: AccessKeySecret! };
  const tenant = new RpcClient({ endpoint, ...pair });
  const verify = async (by: RpcClient, more = {}) =>
    (await by.call('Sluice', 'VerifyAuditRecords', more)).body as Verified;
  const counted = ({ Records, UnsealedRecords }: Verified) => Records + UnsealedRecords;
  try {
    for (let n = 0; n < 10; n++) await client.call('Ram', 'CreateUser', { UserName: `user-${n}` });
    await tenant.call('Ram', 'CreateUser', { UserName: 'own' });
    await until(async () => (await verify(client)).UnsealedRecords === 0, { what: 'all sealed' });
    const mine = await verify(tenant);
    assert.deepEqual([mine.Intact, counted(mine), mine.Seals], [true, 1, 0]);
    assert.ok(counted(await verify(client)) >= 12);
    assert.doesNotMatch(mine.NewestSeal, /^\d+:/);
    // It proves to its holder what it proves to the operator: that nothing was cut off since.
    assert.equal((await verify(tenant, { ExpectedSeal: mine.NewestSeal })).Intact, true);
  } finally {
    await tenant.close();
    await sluice.stop();
  }
});
