import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import {
  type Bench,
  createLoadBalancer,
  furnish,
  openBench,
} from '../../../../test/support/call.ts';
import { AddBackendServers, RemoveBackendServers } from '../backend-servers.ts';
import { ModifyLoadBalancerAttribute, SetLoadBalancerStatus } from '../load-balancers.ts';
import { ListLoadBalancers } from './load-balancers.ts';

let bench: Bench;
let shop: string;
let blog: string;
beforeEach(async () => {
  bench = await openBench();
  await furnish(bench, { instances: 2 });
  shop = await named('The Shop');
  blog = await named('blog');
});
afterEach(() => bench.close());

async function named(LoadBalancerName: string): Promise<string> {
  const LoadBalancerId = await createLoadBalancer(bench);
  await bench.call(ModifyLoadBalancerAttribute, { LoadBalancerId, LoadBalancerName });
  return LoadBalancerId;
}

interface Listed {
  readonly LoadBalancerId: string;
  readonly Address: string;
  readonly ListenerCount: number;
  readonly ServerCount: number;
  readonly DrainingCount: number;
}

async function list(parameters: Record<string, unknown>) {
  const { output } = await bench.call(ListLoadBalancers, parameters);
  return { total: output.TotalCount as number, all: output.LoadBalancers.LoadBalancer as Listed[] };
}

const ids = async (parameters: Record<string, unknown>) =>
  (await list(parameters)).all.map(({ LoadBalancerId }) => LoadBalancerId);

describe('the search for load balancers', () => {
  test('finds by a part of the name or the id in any case, or by the address', async () => {
    assert.deepEqual(await ids({ SearchKey: 'shop' }), [shop]);
    assert.deepEqual(await ids({ SearchKey: blog.slice(3).toUpperCase() }), [blog]);
    const { Address } = (await list({ SearchKey: 'blog' })).all[0]!;
    assert.deepEqual(await ids({ SearchKey: Address }), [blog]);
    assert.deepEqual(await ids({ SearchKey: Address.slice(0, -1) }), []);
  });

  test('is narrowed by site and status', async () => {
    await bench.call(SetLoadBalancerStatus, {
      LoadBalancerId: blog,
      LoadBalancerStatus: 'InActive',
    });
    assert.deepEqual(await ids({ LoadBalancerStatus: 'InActive' }), [blog]);
    assert.deepEqual(await ids({ LoadBalancerStatus: 'Active' }), [shop]);
    assert.deepEqual(await ids({ EnsRegionId: 'elsewhere' }), []);
  });

  test('gives a page, and how many there are in all', async () => {
    const first = await list({ PageSize: 1, PageNumber: 1 });
    const second = await list({ PageSize: 1, PageNumber: 2 });
    assert.equal(first.total, 2);
    assert.deepEqual(
      [...first.all, ...second.all].map((each) => each.LoadBalancerId).sort(),
      [shop, blog].sort(),
    );
  });

  test('counts servers, and removed ones until their time is over', async () => {
    const counts = async () => {
      const { ListenerCount, ServerCount, DrainingCount } = (await list({ SearchKey: shop }))
        .all[0]!;
      return { ListenerCount, ServerCount, DrainingCount };
    };
    const BackendServers = ['i-1', 'i-2'].map((ServerId) => ({ ServerId, Port: 80 }));
    await bench.call(AddBackendServers, { LoadBalancerId: shop, BackendServers });
    await bench.call(RemoveBackendServers, {
      LoadBalancerId: shop,
      BackendServers: [{ ServerId: 'i-1' }],
    });
    assert.deepEqual(await counts(), { ListenerCount: 0, ServerCount: 1, DrainingCount: 1 });
    bench.clock.now += 31_000;
    assert.deepEqual(await counts(), { ListenerCount: 0, ServerCount: 1, DrainingCount: 0 });
  });
});
