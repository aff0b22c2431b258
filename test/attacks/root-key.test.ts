import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { RpcClient, RpcError } from '../../src/client.ts';
import { rootKey, startSluice } from '../support/sluice.ts';

test('a root key that was deleted stays deleted when the environment still names it', async () => {
  const dataFolder = await mkdtemp(join(tmpdir(), 'sluice-root-key-'));
  const start = () => startSluice({ mode: 'control-plane', flags: [], dataFolder });
  try {
    const first = await start();
    const { body } = await first.client.call('Ram', 'CreateAccessKey', {});
    const made = (body as { AccessKey: Record<string, string> }).AccessKey;
    const pair = { accessKeyId: made.AccessKeyId!, accessKeySecret: made.AccessKeySecret! };
    const owner = new RpcClient({ endpoint: first.endpoint, ...pair });
    // Its secret has leaked, say.
    await owner.call('Ram', 'DeleteAccessKey', { UserAccessKeyId: rootKey.accessKeyId });
    await owner.close();
    await first.stop();
    const second = await start();
    const again = new RpcClient({ endpoint: second.endpoint, ...pair });
    try {
      await assert.rejects(second.client.call('Sluice', 'DescribeSites', {}), (error) => {
        return error instanceof RpcError && error.code === 'InvalidAccessKeyId.NotFound';
      });
      await again.call('Sluice', 'DescribeSites', {});
      assert.match(second.output(), /does not count/);
    } finally {
      await again.close();
      await second.stop();
    }
  } finally {
    await rm(dataFolder, { recursive: true, force: true });
  }
});
