import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApiError } from './errors.ts';
import { readExtensions } from './extensions.ts';

describe('extension headers', () => {
  test('absent ones ask for nothing', () => {
    assert.deepEqual(readExtensions({}), { dryRun: false });
  });

  test('numbers, flags and times are read', () => {
    const read = readExtensions({
      'x-sluice-if-revision': '1042',
      'x-sluice-dry-run': 'True',
      'x-sluice-drain-seconds': '0',
      'x-sluice-confirm-wait': '250',
    });
    assert.deepEqual(read, { ifRevision: 1042, dryRun: true, drainSeconds: 0, confirmWait: 250 });
  });

  test('a confirm wait may have a unit', () => {
    assert.equal(readExtensions({ 'x-sluice-confirm-wait': '2s' }).confirmWait, 2_000);
    assert.equal(readExtensions({ 'x-sluice-confirm-wait': '800ms' }).confirmWait, 800);
  });

  for (const [name, value] of [
    ['x-sluice-if-revision', '-1'],
    ['x-sluice-if-revision', '1e3'],
    ['x-sluice-if-revision', '99999999999999999999'],
    ['x-sluice-dry-run', 'yes'],
    ['x-sluice-drain-seconds', '86401'],
    ['x-sluice-drain-seconds', '1.5'],
    ['x-sluice-confirm-wait', '30001'],
    ['x-sluice-confirm-wait', '31s'],
    ['x-sluice-confirm-wait', '5m'],
  ] as const) {
    test(`${name}: ${value} is refused by name`, () => {
      assert.throws(
        () => readExtensions({ [name]: value }),
        (error) => error instanceof ApiError && error.code === `InvalidParameter.${name}`,
      );
    });
  }
});
