import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { limits } from '../limits.ts';
import { ApiError } from './errors.ts';
import { Throttle, type ThrottleSetting } from './throttle.ts';

const action = {
  name: 'RemoveBackendServers',
  product: 'Ens',
  limits: { perApi: 100, perAccount: 10 },
} as const;
const other = { ...action, name: 'AddBackendServers' } as const;

function throttle(setting: ThrottleSetting = 'documented') {
  let time = 1_000_000;
  const it = new Throttle(setting, () => time);
  return {
    pass: (ms: number) => (time += ms),
    refuse: (ip: string, error: ApiError) => it.refuse(ip, error),
    admit: (account: string, what: typeof action | typeof other = action) =>
      it.admit(account, what),
    admitted(account: string, calls: number): number {
      let count = 0;
      for (let call = 0; call < calls; call++) {
        try {
          it.admit(account, action);
          count += 1;
        } catch (error) {
          assert.ok(error instanceof ApiError);
        }
      }
      return count;
    },
  };
}

describe('throttling', () => {
  test('an account has its calls a second of an action, then Throttling.User with the wait', () => {
    const { admitted, admit, pass } = throttle();
    assert.equal(admitted('1', 10), 10);
    assert.throws(
      () => admit('1'),
      (error) =>
        error instanceof ApiError &&
        error.code === 'Throttling.User' &&
        error.status === 400 &&
        error.retryAfterMs === 1_000,
    );
    pass(999);
    assert.equal(admitted('1', 1), 0);
    pass(1);
    assert.equal(admitted('1', 20), 10);
  });

  test('in no second are more calls admitted than documented, whenever it begins', () => {
    const { admitted, pass } = throttle();
    const times: number[] = [];
    for (let time = 0; time < 10_000; time += 37) {
      for (let n = admitted('1', time % 5 === 0 ? 20 : 1); n > 0; n--) times.push(time);
      pass(37);
    }
    const inSecondOf = (begin: number) =>
      times.filter((time) => time >= begin && time < begin + 1_000).length;
    assert.equal(Math.max(...times.map(inSecondOf)), 10);
    assert.ok(times.length > 90, `${times.length}`);
  });

  test('calls at an even pace of the documented number all pass', () => {
    const { admitted, pass } = throttle();
    for (let call = 0; call < 100; call++) {
      assert.equal(admitted('1', 1), 1, `call ${call}`);
      pass(100);
    }
  });

  test('a clock that is set back locks no one out', () => {
    const { admitted, pass } = throttle();
    assert.equal(admitted('1', 20), 10);
    pass(-3_600_000);
    assert.equal(admitted('1', 20), 10);
  });

  test('actions and accounts do not take from one another', () => {
    const { admitted, admit } = throttle();
    assert.equal(admitted('1', 20), 10);
    admit('1', other);
    assert.equal(admitted('2', 20), 10);
  });

  test('all accounts together have the calls a second of the action, then Throttling.Api', () => {
    const { admitted, admit } = throttle();
    for (let account = 0; account < 10; account++) assert.equal(admitted(`${account}`, 10), 10);
    assert.throws(
      () => admit('10'),
      (error) => error instanceof ApiError && error.code === 'Throttling.Api',
    );
  });

  test('what the action as a whole refuses does not cost the account', () => {
    const { admitted, pass } = throttle({ perApi: 1, perAccount: 2 });
    assert.equal(admitted('1', 5), 1);
    pass(1_000);
    assert.equal(admitted('2', 1), 1);
    pass(1_000);
    assert.equal(admitted('1', 5), 1);
  });

  test('a rest does not save up more than one second', () => {
    const { admitted, pass } = throttle();
    pass(3_600_000);
    assert.equal(admitted('1', 50), 10);
    pass(3_600_000);
    assert.equal(admitted('1', 50), 10);
  });

  test('a rate below one a second lets one call through at a time', () => {
    const { admitted, pass } = throttle({ perApi: 0.5, perAccount: 0.5 });
    assert.equal(admitted('1', 3), 1);
    pass(2_000);
    assert.equal(admitted('1', 3), 1);
  });

  describe('calls that prove nothing', () => {
    const refusal = new ApiError('SignatureDoesNotMatch');
    const refused = (it: ReturnType<typeof throttle>, ip: string, calls: number) =>
      Array.from({ length: calls }, () => it.refuse(ip, refusal)).filter((e) => e === refusal)
        .length;

    test('have a budget by address, then Throttling with the wait', () => {
      const it = throttle();
      assert.equal(refused(it, '192.0.2.1', 200), limits.unprovenCalls);
      const { code, status, retryAfterMs } = it.refuse('192.0.2.1', refusal);
      assert.deepEqual([code, status, retryAfterMs], ['Throttling', 400, 1_000]);
      assert.equal(refused(it, '192.0.2.2', 200), limits.unprovenCalls);
      it.pass(1_000);
      assert.equal(refused(it, '192.0.2.1', 200), limits.unprovenCalls);
    });

    test('cost no account anything, nor do accounts pay for them', () => {
      const it = throttle();
      refused(it, '192.0.2.1', 200);
      assert.equal(it.admitted('1', 20), 10);
      assert.equal(refused(it, '192.0.2.3', 1), 1);
    });

    test('count together within an IPv6 /64, whoever writes the address how', () => {
      const it = throttle();
      assert.equal(refused(it, '2001:db8::1', 30), 30);
      assert.equal(refused(it, '2001:DB8:0:0:ffff::2', 200), limits.unprovenCalls - 30);
      assert.equal(refused(it, '2001:db8:0:1::1', 1), 1);
    });

    test('a fault of ours is told as it is', () => {
      const it = throttle();
      refused(it, '192.0.2.1', 200);
      const fault = new ApiError('ServiceUnavailable');
      assert.equal(it.refuse('192.0.2.1', fault), fault);
    });
  });

  test('off lets everything through', () => {
    assert.equal(throttle('off').admitted('1', 1_000), 1_000);
  });
});
