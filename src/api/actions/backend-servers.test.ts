import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import {
  type Bench,
  createLoadBalancer,
  failsWith,
  furnish,
  openBench,
  storedLoadBalancer,
} from '../../../test/support/call.ts';
import { limits } from '../../limits.ts';
import { keys } from '../../store/keys.ts';
import { AddBackendServers, RemoveBackendServers, SetBackendServers } from './backend-servers.ts';

let bench: Bench;
let LoadBalancerId: string;

before(async () => {
  bench = await openBench();
  await furnish(bench, { instances: 25 });
  await furnish(bench, { site: 'elsewhere', instances: 1 });
});
after(() => bench.close());
beforeEach(async () => {
  LoadBalancerId = await createLoadBalancer(bench);
});

type Servers = string | readonly Readonly<Record<string, unknown>>[];

const add = (BackendServers: Servers, how = {}) =>
  bench.call(AddBackendServers, { LoadBalancerId, BackendServers }, how);
const remove = (BackendServers: Servers, how = {}) =>
  bench.call(RemoveBackendServers, { LoadBalancerId, BackendServers }, how);
const set = (BackendServers: Servers, how = {}) =>
  bench.call(SetBackendServers, { LoadBalancerId, BackendServers }, how);
const stored = () => storedLoadBalancer(bench, LoadBalancerId);

describe('AddBackendServers', () => {
  test('fills in what was left out and answers with the servers attached', async () => {
    const { output } = await add('[{"ServerId":"i-1"}]');
    assert.deepEqual(output, {
      BackendServers: {
        BackendServer: [{ ServerId: 'i-1', Weight: 100, Type: 'ens', Ip: '10.0.0.1', Port: 0 }],
      },
    });
    const second = await add([{ ServerId: 'i-2', Port: 8080, Weight: 5 }]);
    assert.equal(second.output.BackendServers.BackendServer.length, 2);
    assert.equal(second.headers.revision! > 0, true);
  });

  test('takes numbers as texts, and empty texts for what was left out', async () => {
    const { output } = await add(
      '[{"Port":"0","Ip":"","Weight":"100","Type":"","ServerId":"i-1"}, ' +
        '{"Ip": "", "Port": 0, "ServerId": "i-2", "Type": "ens", "Weight": 0}]',
    );
    assert.deepEqual(
      output.BackendServers.BackendServer.map((each: { Weight: number }) => each.Weight),
      [100, 0],
    );
  });

  test('an interface is a server of its own, at its own address', async () => {
    const { output } = await add([{ ServerId: 'eni-2', Type: 'eni' }]);
    const [server] = output.BackendServers.BackendServer;
    assert.deepEqual([server.ServerId, server.Type, server.Ip], ['eni-2', 'eni', '10.0.1.2']);
  });

  test('an instance may be reached at the address of one of its interfaces', async () => {
    const { output } = await add([{ ServerId: 'i-2', Ip: '10.0.1.2' }]);
    assert.equal(output.BackendServers.BackendServer[0].Ip, '10.0.1.2');
  });

  test('an IPv6 address counts however it is written', async () => {
    const instance = await bench.read<object>(keys.instance('i-1'));
    const ipv6 = { ...instance, id: 'i-six', privateIp: '2001:DB8:0::6', interfaces: [] };
    await bench.put(keys.instance('i-six'), ipv6);
    const { output } = await add([{ ServerId: 'i-six', Ip: '2001:0db8::0006' }]);
    assert.equal(output.BackendServers.BackendServer[0].Ip, '2001:db8::6');
    const left = await remove([{ ServerId: 'i-six', Ip: '2001:db8:0:0::6' }]);
    assert.deepEqual(left.output.BackendServers.BackendServer, []);
  });

  test('who is no running server of the site is refused, and the batch with it', async () => {
    const refused = async (server: object, code: string) => {
      await assert.rejects(add([{ ServerId: 'i-1' }, { ...server }]), failsWith(code));
      assert.deepEqual((await stored())?.backends, []);
    };
    await refused({ ServerId: 'i-unknown' }, 'InvalidParameter.ServerId');
    await refused({ ServerId: 'i-elsewhere-1' }, 'InvalidParameter.ServerId');
    await refused({ ServerId: 'eni-unknown', Type: 'eni' }, 'InvalidParameter.ServerId');
    await refused({ ServerId: 'i-2', Type: 'eni' }, 'InvalidParameter.ServerId');
    await refused({ ServerId: 'i-2', Ip: '10.0.0.3' }, 'InvalidParameter.Ip');
    await refused({ ServerId: 'eni-2', Type: 'eni', Ip: '10.0.0.2' }, 'InvalidParameter.Ip');
    const stopped = await bench.read<object>(keys.instance('i-3'));
    await bench.put(keys.instance('i-3'), { ...stopped, status: 'Stopped' });
    await refused({ ServerId: 'i-3' }, 'IncorrectInstanceStatus');
    await bench.put(keys.instance('i-3'), { ...stopped, status: 'Running' });
  });

  test('a malformed field is named, and a missing one before it', async () => {
    const refused = (server: object, code: string) =>
      assert.rejects(add([{ ServerId: 'i-1', ...server }]), failsWith(code));
    await refused({ Weight: 101 }, 'InvalidParameter.Weight');
    await refused({ Weight: -1 }, 'InvalidParameter.Weight');
    await refused({ Weight: 1.5 }, 'InvalidParameter.Weight');
    await refused({ Port: 65_536 }, 'InvalidParameter.Port');
    await refused({ Type: 'ecs' }, 'InvalidParameter.Type');
    await refused({ Ip: '10.0.0' }, 'InvalidParameter.Ip');
    await refused({ ServerId: 'i 1' }, 'InvalidParameter.ServerId');
    await refused({ ServerId: '', Weight: 101 }, 'MissingServerId');
  });

  test('takes 1 to 20 servers', async () => {
    const some = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ ServerId: `i-${i + 1}` }));
    await assert.rejects(add('[]'), failsWith('MissingBackendServers'));
    await assert.rejects(add('{}'), failsWith('InvalidBackendServers'));
    await assert.rejects(add('no json'), failsWith('InvalidBackendServers'));
    await assert.rejects(add(some(21)), failsWith('InvalidBackendServers'));
    const { output } = await add(some(20));
    assert.equal(output.BackendServers.BackendServer.length, 20);
  });

  test('a full load balancer takes no more', async () => {
    const batches = limits.backendsPerLoadBalancer / limits.batch;
    for (let batch = 0; batch < batches; batch++) {
      const servers = Array.from({ length: limits.batch }, (_, i) => ({
        ServerId: 'i-1',
        Port: batch * limits.batch + i + 1,
      }));
      await add(servers);
    }
    await assert.rejects(add([{ ServerId: 'i-2' }]), failsWith('ens.interface.error', /at most/));
  });

  test('attached with the same values is success, with another weight it is refused', async () => {
    await add([{ ServerId: 'i-1', Weight: 5 }]);
    const before = await stored();
    await add([{ ServerId: 'i-1', Weight: 5 }]);
    assert.deepEqual(await stored(), before);
    await assert.rejects(
      add([{ ServerId: 'i-1', Weight: 6 }]),
      failsWith('InvalidParameter.BackendServers', /SetBackendServers/),
    );
  });

  test("another account's load balancer and instances do not exist", async () => {
    const how = { account: '2' };
    const unknown = failsWith('LoadBalancerNotFound', /LoadBalancerId that is not found/);
    await assert.rejects(add([{ ServerId: 'i-1' }], how), unknown);
    await assert.rejects(remove([{ ServerId: 'i-1' }], how), unknown);
    await assert.rejects(set([{ ServerId: 'i-1', Weight: 1 }], how), unknown);
  });
});

describe('RemoveBackendServers', () => {
  beforeEach(() => add([{ ServerId: 'i-1' }, { ServerId: 'i-1', Port: 81 }, { ServerId: 'i-2' }]));

  test('answers with the servers that remain', async () => {
    const { output } = await remove([{ ServerId: 'i-1' }]);
    assert.deepEqual(output.BackendServers.BackendServer, [
      { ServerId: 'i-2', Weight: 100, Type: 'ens', Ip: '10.0.0.2', Port: 0 },
    ]);
    const last = await remove([{ ServerId: 'i-2' }]);
    assert.deepEqual(last.output, { BackendServers: { BackendServer: [] } });
  });

  test('what is not attached is named in the header, without an error', async () => {
    const { output, headers } = await remove([{ ServerId: 'i-9' }, { ServerId: 'i-2', Port: 5 }]);
    assert.equal(output.BackendServers.BackendServer.length, 3);
    assert.deepEqual(headers.ignored, ['i-9', 'i-2']);
    const none = await remove([{ ServerId: 'i-2' }]);
    assert.equal(none.headers.ignored, undefined);
  });

  test('a weight means nothing, whatever it is', async () => {
    const { output } = await remove('[{"ServerId":"i-1","Weight":"9999","Port":"","Ip":""}]');
    assert.equal(output.BackendServers.BackendServer.length, 1);
    await remove([{ ServerId: 'i-2', Weight: -5 }]);
    assert.deepEqual((await stored())?.backends, []);
  });

  test('a server of an instance that is gone can still be removed', async () => {
    const instance = await bench.read<object>(keys.instance('i-25'));
    await add([{ ServerId: 'i-25' }]);
    await bench.store.commit({ ifRevision: new Map(), puts: [], deletes: [keys.instance('i-25')] });
    await remove([{ ServerId: 'i-25' }]);
    assert.ok((await stored())?.backends.every(({ serverId }) => serverId !== 'i-25'));
    await bench.put(keys.instance('i-25'), instance!);
  });

  test('sessions may go on as the call says, and Add ends the drain', async () => {
    await remove([{ ServerId: 'i-1', Port: 81 }], { extensions: { drainSeconds: 7 } });
    await remove([{ ServerId: 'i-2' }]);
    const deadlines = (await stored())?.draining.map(({ deadline }) => deadline - bench.clock.now);
    assert.deepEqual(deadlines, [7_000, limits.drainSeconds * 1000]);
    await add([{ ServerId: 'i-2' }]);
    assert.deepEqual(
      (await stored())?.draining.map(({ serverId }) => serverId),
      ['i-1'],
    );
  });

  test('the call that empties the pool is on record', async () => {
    await remove([{ ServerId: 'i-1' }, { ServerId: 'i-2' }]);
    assert.equal((await stored())?.emptiedBy?.action, 'RemoveBackendServers');
    await add([{ ServerId: 'i-1' }]);
    assert.equal((await stored())?.emptiedBy, undefined);
  });

  test('a dry run tells what a forwarder would do and changes nothing', async () => {
    const before = await stored();
    const { output, headers } = await remove([{ ServerId: 'i-1' }], {
      extensions: { dryRun: true },
    });
    assert.equal(output.BackendServers.BackendServer.length, 1);
    assert.equal(headers.commands?.length, 1);
    assert.deepEqual(await stored(), before);
  });
});

describe('SetBackendServers', () => {
  beforeEach(() => add([{ ServerId: 'i-1' }, { ServerId: 'i-1', Port: 81 }, { ServerId: 'i-2' }]));

  test('changes the weight of all entries of a server', async () => {
    const { output } = await set('[{"ServerId":"i-1","Weight":"0","Type":""}]');
    assert.deepEqual(
      output.BackendServers.BackendServer.map((each: { Weight: number }) => each.Weight),
      [0, 0, 100],
    );
  });

  test('without a weight it is 100', async () => {
    await set([{ ServerId: 'i-2', Weight: 3 }]);
    await set([{ ServerId: 'i-2' }]);
    assert.equal((await stored())?.backends[2]?.weight, 100);
  });

  test('a server that is not attached is refused, and nothing changes', async () => {
    const before = await stored();
    await assert.rejects(
      set([
        { ServerId: 'i-1', Weight: 1 },
        { ServerId: 'i-3', Weight: 1 },
      ]),
      failsWith('InvalidParameter.BackendServers', /i-3 is not attached/),
    );
    await assert.rejects(
      set([{ ServerId: 'i-1', Weight: 101 }]),
      failsWith('InvalidParameter.Weight'),
    );
    assert.deepEqual(await stored(), before);
  });
});

test('calls at once are applied one after the other, none is lost', async () => {
  const ids = Array.from({ length: 20 }, (_, index) => `i-${index + 1}`);
  await Promise.all(ids.map((ServerId) => add([{ ServerId }])));
  assert.equal((await stored())?.backends.length, 20);
  await Promise.all(ids.slice(5).map((ServerId) => remove([{ ServerId }])));
  assert.deepEqual(
    new Set((await stored())?.backends.map(({ serverId }) => serverId)),
    new Set(ids.slice(0, 5)),
  );
});
