import assert from 'node:assert/strict';
import { describe as group, test } from 'node:test';
import { actions } from '../api/actions/index.ts';
import { describe } from './describe.ts';
import { type Field, fieldsOf, samplesOf } from './fields.ts';

group('what is told of parameters', () => {
  for (const action of actions) {
    test(`${action.name}: each has a text and an example that its schema takes`, () => {
      const fields = fieldsOf(describe(action).parameters);
      assert.deepEqual(untold(fields, ''), []);
      const required = samplesOf(fields, (field) => field.required);
      const whole = samplesOf(fields);
      for (const { name } of fields) {
        const result = action.input.safeParse({ ...required, [name]: whole[name] });
        assert.ok(result.success, `${name}: ${result.error?.message}`);
      }
    });
  }
});

function untold(fields: readonly Field[], path: string): string[] {
  return fields.flatMap(({ name, text, example, members }) => [
    ...(text === '' ? [`${path}${name} has no text`] : []),
    ...(example === undefined && members === undefined ? [`${path}${name} has no example`] : []),
    ...untold(members ?? [], `${path}${name}.`),
  ]);
}
