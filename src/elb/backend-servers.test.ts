import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { loadBalancer, server } from '../../test/support/load-balancers.ts';
import {
  addBackendServers,
  type NamedServer,
  type Removal,
  removeBackendServers,
  setBackendServers,
} from './backend-servers.ts';
import { Refusal } from './refusal.ts';
import { type BackendServer, type LoadBalancer, sameBackend } from './types.ts';

const now = 1_000_000;
const room = { now, most: 100 };
const removal: Removal = {
  now,
  action: 'RemoveBackendServers',
  requestId: 'request-1',
  mostDraining: 100,
};

function refusal(code: string, subject?: string, detail?: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof Refusal);
    assert.equal(error.code, code);
    assert.equal(error.subject, subject);
    if (detail) assert.match(error.detail ?? '', detail);
    return true;
  };
}

const named = fc.record({
  serverId: fc.constantFrom('i-1', 'i-2', 'i-3', 'eni-1'),
  type: fc.constantFrom('ens' as const, 'eni' as const),
  ip: fc.constantFrom('10.0.0.1', '10.0.0.2'),
  port: fc.constantFrom(0, 80, 8080),
});
const sizes = { minLength: 1, maxLength: 20, selector: keyOf };
const someServers = fc.uniqueArray(
  fc.tuple(named, fc.nat(100)).map(([key, weight]): BackendServer => ({ ...key, weight })),
  sizes,
);
const someNames = fc.array(fc.record(namedParts(), { requiredKeys: ['serverId'] }), {
  minLength: 1,
  maxLength: 20,
});

function namedParts() {
  return {
    serverId: fc.constantFrom('i-1', 'i-2', 'i-3', 'eni-1', 'i-unknown'),
    type: fc.constantFrom('ens' as const, 'eni' as const),
    ip: fc.constantFrom('10.0.0.1', '10.0.0.2'),
    port: fc.constantFrom(0, 80, 8080),
    weight: fc.integer(),
  };
}

function keyOf({ serverId, type, ip, port }: BackendServer): string {
  return [serverId, type, ip, port].join();
}

function poolOf(servers: readonly BackendServer[], more: Partial<LoadBalancer> = {}): LoadBalancer {
  return loadBalancer('lb-5test', [], { backends: servers, ...more });
}

/** Members in no order. */
function asSet<T extends BackendServer>(servers: readonly T[]): T[] {
  return servers.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

describe('addBackendServers', () => {
  test('a server that is new is attached behind those there are', () => {
    const next = addBackendServers(poolOf([server('i-1')]), [server('i-2', 0)], room);
    assert.deepEqual(next.backends, [server('i-1'), server('i-2', 0)]);
  });

  test('one server may be attached with several ports and addresses', () => {
    const variants = [
      server('i-1'),
      { ...server('i-1'), port: 81 },
      { ...server('i-1'), ip: '10.0.0.9' },
      { ...server('i-1'), type: 'eni' as const },
    ];
    assert.deepEqual(addBackendServers(poolOf([]), variants, room).backends, variants);
  });

  test('named twice in one call, the first counts', () => {
    const next = addBackendServers(poolOf([]), [server('i-1', 7), server('i-1', 8)], room);
    assert.deepEqual(next.backends, [server('i-1', 7)]);
  });

  test('attached with another weight the batch is refused; the text names the way', () => {
    const current = poolOf([server('i-1', 7)]);
    assert.throws(
      () => addBackendServers(current, [server('i-2'), server('i-1', 8)], room),
      refusal('InvalidParameter.%s', 'BackendServers', /i-1 .* weight 7; SetBackendServers/),
    );
  });

  test('more servers than a load balancer may have are refused', () => {
    const current = poolOf([server('i-1'), server('i-2')]);
    const most = { now, most: 3 };
    assert.equal(addBackendServers(current, [server('i-3')], most).backends.length, 3);
    assert.throws(
      () => addBackendServers(current, [server('i-3'), server('i-4')], most),
      refusal('ens.interface.error', undefined, /at most 3 servers/),
    );
    assert.equal(addBackendServers(current, [server('i-1')], { now, most: 2 }), current);
  });

  test('a server that is draining comes back and its drain ends; other drains go on', () => {
    const drains = [
      { ...server('i-1'), deadline: now + 5 },
      { ...server('i-2'), deadline: now + 5 },
      { ...server('i-3'), deadline: now },
    ];
    const next = addBackendServers(poolOf([], { draining: drains }), [server('i-1', 3)], room);
    assert.deepEqual(next.backends, [server('i-1', 3)]);
    assert.deepEqual(next.draining, [drains[1]], 'a drain whose deadline has passed is dropped');
  });

  test('a pool with servers again is no longer explained as emptied', () => {
    const emptied = poolOf([], { emptiedBy: { action: 'RemoveBackendServers', requestId: 'r' } });
    assert.equal('emptiedBy' in addBackendServers(emptied, [server('i-1')], room), false);
  });

  test('asked again it changes nothing', () => {
    fc.assert(
      fc.property(someServers, someServers, (there, wanted) => {
        const fresh = wanted.filter((one) => !there.some((other) => sameBackend(one, other)));
        const once = addBackendServers(poolOf(there), fresh, room);
        assert.equal(addBackendServers(once, fresh, room), once);
      }),
    );
  });

  test('the order of servers in a batch does not matter', () => {
    fc.assert(
      fc.property(someServers, someServers, (there, wanted) => {
        const outcome = (servers: readonly BackendServer[]) => {
          try {
            return asSet(addBackendServers(poolOf(there), servers, { now, most: 20 }).backends);
          } catch (error) {
            return (error as Refusal).code;
          }
        };
        const conflicts = wanted.some((one) =>
          there.some((other) => sameBackend(one, other) && one.weight !== other.weight),
        );
        assert.deepEqual(outcome(wanted), outcome(wanted.toReversed()));
        assert.equal(outcome(wanted) === 'InvalidParameter.%s', conflicts);
      }),
    );
  });

  test('a batch is all or nothing', () => {
    fc.assert(
      fc.property(someServers, someServers, (there, wanted) => {
        const current = poolOf(there);
        const before = structuredClone(current);
        try {
          const { backends } = addBackendServers(current, wanted, { now, most: 25 });
          for (const one of wanted) assert.ok(backends.some((other) => sameBackend(one, other)));
          assert.deepEqual(backends.slice(0, there.length), there);
          assert.ok(backends.length <= 25);
        } catch (error) {
          assert.ok(error instanceof Refusal);
        }
        assert.deepEqual(current, before, 'the value that was given is never touched');
      }),
    );
  });
});

describe('removeBackendServers', () => {
  const pool = poolOf([
    server('i-1'),
    { ...server('i-1'), port: 81 },
    { ...server('i-1'), ip: '10.0.0.9' },
    server('i-2'),
  ]);
  const remove = (servers: readonly NamedServer[], more: Partial<Removal> = {}) =>
    removeBackendServers(pool, servers, { ...removal, ...more });
  const left = (...servers: NamedServer[]) => remove(servers).next.backends.length;

  test('a server named by its id alone, or with port 0, goes with all its entries', () => {
    assert.deepEqual(remove([{ serverId: 'i-1' }]).next.backends, [server('i-2')]);
    assert.deepEqual(remove([{ serverId: 'i-1', port: 0 }]).next.backends, [server('i-2')]);
  });

  test('port, ip and type narrow what a name means; weight does not', () => {
    assert.equal(left({ serverId: 'i-1', port: 81 }), 3);
    assert.equal(left({ serverId: 'i-1', ip: '10.0.0.9' }), 3);
    assert.equal(left({ serverId: 'i-1', type: 'ens' }), 1);
    assert.equal(left({ serverId: 'i-1', type: 'eni' }), 4);
    assert.equal(left({ serverId: 'i-2', weight: 1 }), 3);
  });

  test('what is not attached is ignored, and said once', () => {
    const { next, ignored } = remove([
      { serverId: 'i-9' },
      { serverId: 'i-2' },
      { serverId: 'i-9', port: 5 },
      { serverId: 'i-1', port: 5 },
    ]);
    assert.equal(next.backends.length, 3);
    assert.deepEqual(ignored, ['i-9', 'i-1']);
    assert.equal(remove([{ serverId: 'i-9' }]).next, pool, 'then nothing changes');
  });

  test('sessions may go on until the deadline: of the call, else of the load balancer', () => {
    const deadlines = (more: Partial<Removal>) =>
      remove([{ serverId: 'i-2' }], more).next.draining.map(({ deadline }) => deadline - now);
    assert.deepEqual(deadlines({}), [30_000]);
    assert.deepEqual(deadlines({ drainSeconds: 5 }), [5_000]);
    assert.deepEqual(deadlines({ drainSeconds: 0 }), [0]);
  });

  test('the call that empties the pool is on record; one that does not is not', () => {
    const emptied = remove([{ serverId: 'i-1' }, { serverId: 'i-2' }]).next;
    assert.deepEqual(emptied.backends, []);
    assert.deepEqual(emptied.emptiedBy, {
      action: 'RemoveBackendServers',
      requestId: 'request-1',
    });
    assert.equal(remove([{ serverId: 'i-1' }]).next.emptiedBy, undefined);
  });

  test('drains whose deadline has passed are dropped, others go on', () => {
    const draining = [0, 1].map((end) => ({ ...server(`i-${end}`), deadline: now + end }));
    const { next } = removeBackendServers(poolOf([server('i-9')], { draining }), [server('i-9')], {
      ...removal,
    });
    assert.deepEqual(
      next.draining.map(({ serverId }) => serverId),
      ['i-1', 'i-9'],
    );
  });

  test('drains are bounded: those that end first give way', () => {
    const draining = [30, 10, 20].map((end) => ({ ...server(`i-${end}`), deadline: now + end }));
    const current = poolOf([server('i-1')], { draining });
    const { next } = removeBackendServers(current, [server('i-1')], {
      ...removal,
      drainSeconds: 0.025,
      mostDraining: 3,
    });
    assert.deepEqual(
      next.draining.map(({ serverId }) => serverId),
      ['i-20', 'i-1', 'i-30'],
    );
  });

  test('a removed server drains; everything named is gone and everything else stays', () => {
    fc.assert(
      fc.property(someServers, someNames, (there, unwanted) => {
        const current = poolOf(there);
        const before = structuredClone(current);
        const { next } = removeBackendServers(current, unwanted, removal);
        const gone = there.filter((one) => !next.backends.includes(one));
        assert.deepEqual(
          next.draining,
          gone.map((one) => ({ ...one, deadline: now + 30_000 })),
        );
        const ids = new Set<string>(unwanted.map(({ serverId }) => serverId));
        for (const one of gone) assert.ok(ids.has(one.serverId));
        for (const { serverId, type, ip, port } of unwanted) {
          if (type ?? ip ?? port) continue;
          assert.ok(!next.backends.some((one) => one.serverId === serverId));
        }
        assert.deepEqual(current, before, 'the value that was given is never touched');
      }),
    );
  });

  test('asked again it changes nothing, and drains keep their deadline', () => {
    fc.assert(
      fc.property(someServers, someNames, (there, unwanted) => {
        const once = removeBackendServers(poolOf(there), unwanted, removal).next;
        const again = removeBackendServers(once, unwanted, { ...removal, now: now + 1_000 }).next;
        assert.equal(again, once);
      }),
    );
  });

  test('the order of servers in a batch does not matter', () => {
    fc.assert(
      fc.property(someServers, someNames, (there, unwanted) => {
        const one = removeBackendServers(poolOf(there), unwanted, removal);
        const other = removeBackendServers(poolOf(there), unwanted.toReversed(), removal);
        assert.deepEqual(other.next, one.next);
        assert.deepEqual(other.ignored.toSorted(), one.ignored.toSorted());
      }),
    );
  });

  test('added back, the pool is what it was and nothing drains', () => {
    fc.assert(
      fc.property(someServers, fc.nat(20), (there, count) => {
        const current = poolOf(there);
        const some = there.slice(0, Math.max(1, count));
        const without = removeBackendServers(current, some, removal).next;
        const gone = there.filter((one) => !without.backends.includes(one));
        const back = addBackendServers(without, gone, room);
        assert.deepEqual(asSet(back.backends), asSet(current.backends));
        assert.deepEqual({ ...back, backends: [] }, { ...current, backends: [] });
      }),
    );
  });
});

describe('setBackendServers', () => {
  const pool = poolOf([server('i-1', 1), { ...server('i-1', 2), port: 81 }, server('i-2', 3)]);
  const weights = (servers: readonly (NamedServer & { weight: number })[]) =>
    setBackendServers(pool, servers).backends.map(({ weight }) => weight);

  test('all entries of a server change; named twice, the first counts', () => {
    assert.deepEqual(weights([{ serverId: 'i-1', weight: 50 }]), [50, 50, 3]);
    const twice = [
      { serverId: 'i-1', weight: 0 },
      { serverId: 'i-1', weight: 9 },
    ];
    assert.deepEqual(weights(twice), [0, 0, 3]);
  });

  test('the same weight again changes nothing', () => {
    assert.equal(setBackendServers(pool, [{ serverId: 'i-2', weight: 3 }]), pool);
  });

  test('a server that is not attached is refused, and nothing changes', () => {
    assert.throws(
      () =>
        weights([
          { serverId: 'i-1', weight: 50 },
          { serverId: 'i-9', weight: 50 },
        ]),
      refusal('InvalidParameter.%s', 'BackendServers', /i-9 is not attached/),
    );
    assert.throws(() => weights([{ serverId: 'i-1', type: 'eni', weight: 50 }]), Refusal);
  });

  test('order does not matter for distinct servers, and asked again nothing changes', () => {
    fc.assert(
      fc.property(someServers, fc.nat(100), fc.nat(100), (there, a, b) => {
        const ids = [...new Set(there.map(({ serverId }) => serverId))];
        const wanted = ids.map((serverId, index) => ({ serverId, weight: index % 2 ? a : b }));
        const once = setBackendServers(poolOf(there), wanted);
        assert.deepEqual(setBackendServers(poolOf(there), wanted.toReversed()), once);
        assert.equal(setBackendServers(once, wanted), once);
        assert.deepEqual(once.backends.map(keyOf), there.map(keyOf));
      }),
    );
  });
});
