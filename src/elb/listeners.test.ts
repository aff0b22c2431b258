import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { loadBalancer } from '../../test/support/load-balancers.ts';
import {
  createListener,
  deleteListener,
  editListener,
  findListener,
  runListener,
} from './listeners.ts';
import { Refusal } from './refusal.ts';
import type { Listener, LoadBalancer, Protocol } from './types.ts';

function listener(protocol: Protocol, port: number, more: object = {}): Listener {
  return {
    protocol,
    port,
    running: false,
    createTime: '2026-11-24T00:00:00Z',
    scheduler: 'wrr',
    health: { enabled: true, kind: 'tcp' },
    ...more,
  } as unknown as Listener;
}

function holding(...listeners: readonly Listener[]): LoadBalancer {
  return loadBalancer('lb-5test', [], { listeners });
}

function code(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof Refusal);
    return error.code;
  }
}

const create = (current: LoadBalancer, wanted: Listener) => createListener(current, wanted, 3);

describe('createListener', () => {
  test('TCP and UDP share a port; HTTP and HTTPS take it whole', () => {
    const taken = (there: Protocol, wanted: Protocol) =>
      code(() => create(holding(listener(there, 80)), listener(wanted, 80))) ===
      'ListenerAlreadyExists';
    const protocols = ['tcp', 'udp', 'http', 'https'] as const;
    for (const there of protocols) {
      for (const wanted of protocols) {
        const shares = new Set([there, wanted, 'tcp', 'udp']).size === 2 && there !== wanted;
        assert.equal(taken(there, wanted), !shares, `${wanted} where ${there} is`);
      }
    }
    assert.equal(taken('http', 'http'), true);
  });

  test('a listener on another port comes behind those there are', () => {
    const next = create(holding(listener('http', 80)), listener('http', 81));
    assert.deepEqual(
      next.listeners.map(({ port }) => port),
      [80, 81],
    );
  });

  test('a redirect needs a listener on its target port', () => {
    const redirect = listener('http', 80, { forwardPort: 443 });
    assert.equal(
      code(() => create(holding(), redirect)),
      'ens.interface.error',
    );
    const both = create(holding(listener('https', 443)), redirect);
    assert.equal(both.listeners.length, 2);
  });

  test('more listeners than a load balancer may have are refused', () => {
    const three = holding(listener('tcp', 1), listener('tcp', 2), listener('tcp', 3));
    assert.equal(
      code(() => create(three, listener('tcp', 4))),
      'ens.interface.error',
    );
    assert.equal(
      code(() => create(three, listener('tcp', 3))),
      'ListenerAlreadyExists',
    );
  });
});

describe('a name for a listener', () => {
  const both = holding(listener('tcp', 53), listener('udp', 53), listener('http', 80));

  test('without a protocol is enough where the port tells', () => {
    assert.equal(findListener(both, { port: 80 }).protocol, 'http');
    assert.equal(
      code(() => findListener(both, { port: 53 })),
      'TooManyListeners',
    );
    assert.equal(findListener(both, { port: 53, protocol: 'udp' }).protocol, 'udp');
  });

  test('that nothing bears is ListenerNotFound', () => {
    assert.equal(
      code(() => findListener(both, { port: 81 })),
      'ListenerNotFound',
    );
    assert.equal(
      code(() => findListener(both, { port: 80, protocol: 'tcp' })),
      'ListenerNotFound',
    );
  });
});

describe('a listener', () => {
  const one = holding(listener('tcp', 1), listener('http', 80));

  test('that is edited stays in its place, and no other changes', () => {
    const next = editListener(one, { port: 1 }, (each) => ({ ...each, description: 'first' }));
    assert.deepEqual(next.listeners, [
      listener('tcp', 1, { description: 'first' }),
      listener('http', 80),
    ]);
  });

  test('that is edited to what it was leaves the load balancer as it was', () => {
    assert.equal(
      editListener(one, { port: 1 }, (each) => ({ ...each })),
      one,
    );
  });

  test('starts and stops; asked again nothing changes', () => {
    const started = runListener(one, { port: 80 }, true);
    assert.equal(findListener(started, { port: 80 }).running, true);
    assert.equal(findListener(started, { port: 1 }).running, false);
    assert.equal(runListener(started, { port: 80 }, true), started);
    assert.deepEqual(runListener(started, { port: 80 }, false), one);
    assert.equal(runListener(one, { port: 80 }, false), one);
  });

  test('is deleted running or stopped', () => {
    for (const running of [true, false]) {
      const current = runListener(one, { port: 80 }, running);
      assert.deepEqual(deleteListener(current, { port: 80 }).listeners, [listener('tcp', 1)]);
    }
    assert.equal(
      code(() => deleteListener(one, { port: 2 })),
      'ListenerNotFound',
    );
  });
});

test('no two listeners ever claim the same port, whatever is created and deleted', () => {
  const protocol = fc.constantFrom<Protocol>('tcp', 'udp', 'http', 'https');
  const step = fc.record({ protocol, port: fc.integer({ min: 1, max: 3 }), adds: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let current = holding();
      for (const { adds, ...name } of steps) {
        try {
          current = adds
            ? createListener(current, listener(name.protocol, name.port), 6)
            : deleteListener(current, name);
        } catch (error) {
          assert.ok(error instanceof Refusal);
        }
        const claims = current.listeners.flatMap((each) =>
          each.protocol === 'tcp' || each.protocol === 'udp'
            ? [`${each.protocol}:${each.port}`]
            : [`tcp:${each.port}`, `udp:${each.port}`],
        );
        assert.equal(new Set(claims).size, claims.length);
      }
    }),
  );
});
