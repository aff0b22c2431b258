import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Path } from '../../ram/policy.ts';
import { faultOf } from './faults.ts';
import { pathAt, rangeOf } from './places.ts';
import { suggestionsAt } from './suggestions.ts';

const text = `{
  "Version": "1",
  "Statement": [
    { "Effect": "Allow", "Action": ["ens:*", "ram:*"], "Resource": "*" },
    {
      "Effect": "Deny", "Action": "ram:*", "Resource": "*",
      "Condition": {
        "Bool": { "acs:MFAPresent": ["false"] }
      }
    }
  ]
}`;

describe('a path leads to its part of the text', () => {
  const cases: readonly (readonly [Path, string])[] = [
    [['Version'], '"Version": "1"'],
    [['Statement', 0, 'Action', 1], '"ram:*"'],
    [['Statement', 1, 'Effect'], '"Effect": "Deny"'],
    [['Statement', 1], '{'],
    [['Statement', 1, 'Condition'], '"Condition": {'],
    [['Statement', 1, 'Condition', 'Bool', 'acs:MFAPresent', 0], '"false"'],
    [
      ['Statement', 0, 'Principal'],
      '{ "Effect": "Allow", "Action": ["ens:*", "ram:*"], "Resource": "*" }',
    ],
    [[], '{'],
  ];
  for (const [path, part] of cases) {
    test(path.join('.') || 'the whole', () => {
      const { from, to } = rangeOf(text, path);
      assert.equal(text.slice(from, to), part);
    });
  }

  test('also with escapes in names, and in what is no JSON', () => {
    const escaped = '{"\\u0041": 1}';
    const { from, to } = rangeOf(escaped, ['A']);
    assert.equal(escaped.slice(from, to), '"\\u0041": 1');
    for (const broken of ['', '{', '{"a"', '{"a":[1,', ']']) {
      const range = rangeOf(broken, ['a', 3]);
      assert.ok(range.from >= 0 && range.to <= broken.length, broken);
    }
  });
});

describe('an offset tells its path', () => {
  const at = (part: string) => pathAt(text, text.indexOf(part) + 2);
  test('of a value in a list', () => {
    assert.deepEqual(at('"ram:*"'), { path: ['Statement', 0, 'Action', 1], isName: false });
  });
  test('of a name', () => {
    const path = ['Statement', 1, 'Condition', 'Bool'];
    assert.deepEqual(at('"acs:MFAPresent"'), { path, isName: true });
  });
});

describe('what is suggested fits the place', () => {
  const actions = [{ text: 'ens:DescribeRegions' }];
  const at = (part: string) =>
    suggestionsAt(pathAt(text, text.indexOf(part) + 2), 'identity', actions).map(
      (each) => each.text,
    );
  test('actions and their wildcards', () => {
    assert.deepEqual(at('"ram:*"'), ['ens:*', 'ens:Describe*', 'ens:DescribeRegions']);
  });
  test('effects', () => assert.deepEqual(at('"Deny"'), ['Allow', 'Deny']));
  test('operators, all of them', () => {
    assert.ok(at('"Bool"').includes('NotIpAddress'));
    assert.equal(at('"Bool"').length, 21);
  });
  test('keys', () => assert.ok(at('"acs:MFAPresent"').includes('acs:SourceIp')));
  test('elements', () => assert.ok(at('"Effect": "Deny"').includes('NotAction')));
});

describe('what is wrong is shown where it stands', () => {
  const shown = (document: string) => {
    const fault = faultOf(document, 'identity');
    return fault && [document.slice(fault.from, fault.to), fault.message];
  };
  test('nothing in a good one', () => assert.equal(shown(text), undefined));
  test('a word that RAM does not have', () => {
    assert.deepEqual(shown(text.replace('"Deny"', '"Refuse"')), [
      '"Effect": "Refuse"',
      'Statement 2: Effect must be "Allow" or "Deny".',
    ]);
  });
  test('what is no JSON, at its place', () => {
    const broken = text.replace('"1",', '"1"');
    const fault = faultOf(broken, 'identity');
    assert.equal(fault?.from, broken.indexOf('"Statement"'));
  });
  test('an unfinished text, at its end', () => {
    const fault = faultOf('{"Version": "1"', 'identity');
    assert.ok(fault && fault.from >= 14 && fault.to <= 16, JSON.stringify(fault));
  });
});
