import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoadBalancerSites } from './load-balancer-sites.ts';

const account = '1000000000000001';

function open() {
  const read: string[] = [];
  const sites = new LoadBalancerSites({
    get: async (key) => {
      read.push(key);
      const value = JSON.stringify({ v: 1, site: 'hz' });
      return key === 'lb-site/lb-1' ? { key, value, revision: 1 } : undefined;
    },
  });
  return { sites, read };
}

test('a load balancer is placed in its site, which is read once', async () => {
  const { sites, read } = open();
  for (let n = 0; n < 2; n++) {
    assert.equal(
      await sites.placed(`acs:ens:*:${account}:loadbalancer/lb-1`),
      `acs:ens:hz:${account}:loadbalancer/lb-1`,
    );
  }
  assert.deepEqual(read, ['lb-site/lb-1']);
});

test('of one that does not exist the site stays open; other resources stay', async () => {
  const { sites, read } = open();
  const absent = `acs:ens:*:${account}:loadbalancer/lb-2`;
  assert.equal(await sites.placed(absent), absent);
  const others = ['*', `acs:ram:*:${account}:user/alice`, `acs:sluice:hz:${account}:site/hz`];
  for (const other of others) assert.equal(await sites.placed(other), other);
  assert.deepEqual(read, ['lb-site/lb-2']);
});
