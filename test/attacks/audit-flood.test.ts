import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { RpcClient, RpcError } from '../../src/client.ts';
import { v3Request } from '../support/door.ts';
import { keyOf, memoryOf, startFlood, storeSizeOf } from '../support/flood.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { until } from '../support/wait.ts';
import type { WireRequest } from '../support/wire.ts';

const megabyte = 1_000_000;
/** As long as it takes to see growth; 20 s show no more. */
const floodMs = 8_000;

/** A signed call with a body that is six times as long in JSON. */
function swelling(endpoint: string, key: { id: string; secret: string }) {
  const body = Array.from({ length: 100 }, (_, n) => `Unknown.${n}=${'%01'.repeat(3_000)}`).join(
    '&',
  );
  const host = new URL(endpoint).host;
  return (): WireRequest => {
    const headers = { host, 'content-type': 'application/x-www-form-urlencoded' };
    const { url, ...request } = v3Request('RemoveBackendServers', {}, { key, body, headers });
    return { ...request, path: url, headers: request.headers as Record<string, string>, body };
  };
}

interface Events {
  readonly Events: readonly { readonly errorCode?: string; readonly eventName: string }[];
}

/** Denials of an account that its own audit log has. */
async function denialsOf(client: RpcClient, eventName: string): Promise<number> {
  const LookupAttribute = [{ Key: 'EventName', Value: eventName }];
  const { body } = await client.call('Actiontrail', 'LookupEvents', { LookupAttribute });
  return (body as Events).Events.filter(({ errorCode }) => errorCode !== undefined).length;
}

/** A further account with a user that may do nothing. */
async function furtherAccount({ client, endpoint }: Sluice) {
  const { body } = await client.call('Sluice', 'CreateAccount', { AccountName: 'other' });
  const { AccessKeyId, AccessKeySecret } = body as Record<string, string>;
  const root = { accessKeyId: AccessKeyId!, accessKeySecret: AccessKeySecret! };
  const owner = new RpcClient({ endpoint, ...root });
  const { id, secret } = await keyOf(owner, 'nobody');
  const user = new RpcClient({ endpoint, accessKeyId: id, accessKeySecret: secret });
  return {
    owner,
    user,
    close: async () => {
      await owner.close();
      await user.close();
    },
  };
}

for (const throttle of ['documented', 'off'] as const) {
  test(`refused calls fill neither memory nor disk, throttle ${throttle}`, async () => {
    const environment = { SLUICE_THROTTLE: throttle };
    const sluice = await startSluice({ mode: 'control-plane', flags: [], environment });
    const other = await furtherAccount(sluice);
    try {
      const stranger = await keyOf(sluice.client, 'stranger');
      const pid = sluice.process.pid!;
      const before = { memory: await memoryOf(pid), store: await storeSizeOf(sluice.dataFolder) };
      const flood = startFlood({
        endpoint: sluice.endpoint,
        connections: 6,
        request: swelling(sluice.endpoint, stranger),
      });
      let most = 0;
      try {
        const end = performance.now() + floodMs;
        while (performance.now() < end) {
          most = Math.max(most, await memoryOf(pid));
          await delay(100);
        }
        const denied = other.user.call('Ens', 'DeleteNetwork', { NetworkId: 'n-5other' });
        await assert.rejects(denied, RpcError);
        await until(() => denialsOf(other.owner, 'DeleteNetwork'), {
          what: "the other account's denial in its audit log",
        });
      } finally {
        flood.stop();
      }
      const grown = (await storeSizeOf(sluice.dataFolder)) - before.store;
      assert.ok([...flood.answers.values()].reduce((sum, each) => sum + each, 0) > 100);
      assert.ok(
        most < before.memory + 300 * megabyte,
        `${Math.round(most / megabyte)} MB of memory`,
      );
      assert.ok(grown < 30 * megabyte, `the store grew by ${Math.round(grown / megabyte)} MB`);
      for (const [product, action] of [
        ['Sluice', 'DescribeAuditRecords'],
        ['Actiontrail', 'LookupEvents'],
        ['Sluice', 'VerifyAuditRecords'],
      ] as const) {
        const { body } = await sluice.client.call(product, action, {
          ...(action === 'DescribeAuditRecords' ? { MaxResults: 100 } : {}),
        });
        assert.ok(JSON.stringify(body).length < 4 * megabyte, action);
        if (action === 'VerifyAuditRecords')
          assert.equal((body as { Intact: boolean }).Intact, true);
      }
      assert.ok(
        (await denialsOf(sluice.client, 'RemoveBackendServers')) > 0,
        'what flooded is named',
      );
    } finally {
      await other.close();
      await sluice.stop();
    }
  });
}
