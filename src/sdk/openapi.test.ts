import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actions } from '../api/actions/index.ts';
import { describe } from './describe.ts';
import { openApi } from './openapi.ts';

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly required: boolean }[];
  readonly 'x-ram-action': string;
  readonly 'x-errors': readonly string[];
}

test('openapi.json has every action under a path of its own, with all of its parameters', () => {
  const described = actions.map(describe);
  const { paths } = openApi(described, '1.0.0') as {
    paths: Readonly<Record<string, { readonly post: Operation }>>;
  };
  assert.equal(Object.keys(paths).length, actions.length);
  for (const { name, version, ramName, errors, parameters } of described) {
    const operation = paths[`/?Action=${name}&Version=${version}`]?.post;
    assert.ok(operation, name);
    const names = operation.parameters.map((each) => each.name);
    assert.deepEqual(names, Object.keys(parameters.properties ?? {}), name);
    const required = operation.parameters.filter((each) => each.required);
    assert.deepEqual(
      required.map((each) => each.name).sort(),
      [...(parameters.required ?? [])].sort(),
    );
    assert.deepEqual([operation['x-ram-action'], operation['x-errors']], [ramName, errors], name);
  }
});
