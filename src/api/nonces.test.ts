import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { limits } from '../limits.ts';
import { Nonces } from './nonces.ts';

function withClock() {
  let time = Date.UTC(2026, 10, 24);
  return { nonces: new Nonces(() => time), pass: (ms: number) => (time += ms) };
}

describe('nonces', () => {
  test('a nonce counts once for each access key', () => {
    const { nonces } = withClock();
    assert.equal(nonces.use('a', 'n1'), true);
    assert.equal(nonces.use('a', 'n1'), false);
    assert.equal(nonces.use('a', 'n2'), true);
    assert.equal(nonces.use('b', 'n1'), true);
  });

  test('a nonce is remembered for as long as its timestamp can count, whenever it was used', () => {
    const life = 2 * limits.clockSkew;
    const moments = [0, 1, 2, 3, 4, 5, 6, 7, 8].flatMap((part) => {
      const at = (part * life) / 8;
      return [at - 1, at, at + 1].filter((each) => each >= 0);
    });
    for (const usedAt of moments) {
      const { nonces, pass } = withClock();
      pass(usedAt);
      nonces.use('a', 'n');
      for (let waited = 0; waited < life; waited += life / 10) {
        assert.equal(nonces.use('a', 'n'), false, `used at ${usedAt}, again after ${waited}`);
        pass(life / 10 - 1);
      }
    }
  });

  test('it is forgotten after that', () => {
    const { nonces, pass } = withClock();
    nonces.use('a', 'n');
    pass(4 * limits.clockSkew);
    assert.equal(nonces.use('a', 'n'), true);
  });

  test('a clock that goes back forgets nothing', () => {
    const { nonces, pass } = withClock();
    nonces.use('a', 'n');
    pass(-60 * 60_000);
    assert.equal(nonces.use('a', 'n'), false);
  });

  test('nonces that differ only at their far end are different', () => {
    const { nonces } = withClock();
    const long = 'x'.repeat(10_000);
    assert.equal(nonces.use('a', `${long}1`), true);
    assert.equal(nonces.use('a', `${long}2`), true);
    assert.equal(nonces.use('a', `${long}1`), false);
  });
});

describe('a key with too many nonces', () => {
  test('has to wait, and none of them is forgotten before its time', () => {
    const { nonces, pass } = withClock();
    for (let n = 0; n < limits.noncesPerKey; n++) nonces.use('a', `n${n}`);
    assert.equal(nonces.isFull('a'), true);
    assert.equal(nonces.isFull('b'), false);
    assert.equal(nonces.use('a', 'n0'), false);
    pass(2 * limits.clockSkew);
    assert.equal(nonces.isFull('a'), false);
    assert.equal(nonces.use('a', 'n0'), false);
  });
});
