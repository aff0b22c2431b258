import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RpcError } from '../../src/client.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';

let sluice: Sluice;
before(async () => {
  sluice = await startSluice({ mode: 'control-plane', flags: [] });
});
after(() => sluice.stop());

/** Signs that turn the direction of writing, that have no width, or that end a line. */
const hidden = ['\u202e', '\u2066', '\u200f', '\u061c', '\u200b', '\u2060', '\ufeff', '\u0085'];

test('no name takes a sign that makes it look like another', async () => {
  const pool = { EnsRegionId: 'hz', AddressPool: '127.9.0.0/24' };
  await sluice.client.call('Sluice', 'RegisterSite', pool);
  for (const sign of hidden) {
    const text = `web${sign}gnp.exe`;
    const calls = [
      ['Sluice', 'CreateAccount', { AccountName: text }],
      ['Sluice', 'RegisterInstance', { ...site, PrivateIpAddress: '10.0.0.1', InstanceName: text }],
      ['Ens', 'CreateNetwork', { ...site, CidrBlock: '10.0.0.0/8', NetworkName: text }],
      ['Ens', 'CreateNetwork', { ...site, CidrBlock: '10.0.0.0/8', Tag: [{ Key: text }] }],
      ['Ram', 'CreateUser', { UserName: 'user', DisplayName: text }],
      ['Ram', 'CreateGroup', { GroupName: 'group', Comments: text }],
    ] as const;
    for (const [product, action, parameters] of calls) {
      const isRefused = (error: unknown) =>
        error instanceof RpcError && /^Invalid/.test(error.code);
      const code = JSON.stringify(sign);
      await assert.rejects(sluice.client.call(product, action, parameters), isRefused, code);
    }
  }
});

test('names in any script go on to be taken', async () => {
  for (const name of ['سرویس\u200cوب', 'वेब\u200dसेवा', '网站', 'web 👩\u200d💻']) {
    await sluice.client.call('Sluice', 'CreateAccount', { AccountName: name });
  }
});

const site = { EnsRegionId: 'hz' };
