import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { actions } from '../../api/actions/index.ts';
import { describe as describeAction } from '../../sdk/describe.ts';
import { type Field, fieldsOf } from '../../sdk/fields.ts';
import { fromQuery, noOptions, queryOf } from './address.ts';
import { draftOf, formOf, meant, pathInDraft, placed, strays } from './draft.ts';

const formFor = (name: string): Field => {
  const action = actions.find((each) => each.name === name);
  assert.ok(action);
  return formOf(fieldsOf(describeAction(action).parameters));
};

/** Values that a field may have, filled in. */
function valuesFor(field: Field): fc.Arbitrary<unknown> {
  switch (field.type) {
    case 'boolean':
      return fc.boolean();
    case 'integer':
    case 'number':
      return fc.integer({ min: -1_000_000, max: 1_000_000 });
    case 'list':
      return fc.array(valuesFor(field.item!), { minLength: 1, maxLength: 4 });
    case 'object':
      return objectsFor(field.members ?? [], 1);
    default:
      return fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' });
  }
}

/** Objects with some of the members, at least so many. */
function objectsFor(members: readonly Field[], atLeast = 0): fc.Arbitrary<Record<string, unknown>> {
  return fc
    .subarray([...members], { minLength: Math.min(atLeast, members.length) })
    .chain((some) =>
      fc.record(Object.fromEntries(some.map((member) => [member.name, valuesFor(member)]))),
    )
    .map((record) => ({ ...record }));
}

describe('the form, the parameters and the address tell the same', () => {
  for (const name of ['AddBackendServers', 'CreateNetwork', 'DescribeInstances', 'LookupEvents']) {
    const form = formFor(name);

    test(`${name}: parameters, shown in the form, are sent as they were`, () => {
      fc.assert(
        fc.property(objectsFor(form.members ?? []), (parameters) => {
          assert.deepEqual(meant(form, draftOf(form, parameters)) ?? {}, parameters);
          const asText = JSON.stringify(parameters);
          assert.deepEqual(meant(form, asText), parameters);
        }),
      );
    });

    test(`${name}: an address opens the form that it was taken from`, () => {
      fc.assert(
        fc.property(objectsFor(form.members ?? []), fc.boolean(), (parameters, isDryRun) => {
          const options = { ...noOptions, 'x-sluice-dry-run': isDryRun ? 'true' : '' };
          const { query, omitted } = queryOf(form, parameters, options);
          const opened = fromQuery(form, query);
          const kept = Object.entries(parameters).filter(([each]) => !omitted.includes(each));
          assert.deepEqual(meant(form, opened.draft) ?? {}, Object.fromEntries(kept));
          if (!omitted.includes('x-sluice-dry-run')) assert.deepEqual(opened.options, options);
        }),
      );
    });
  }
});

describe('what is empty', () => {
  const form = formFor('AddBackendServers');

  test('is left out of the parameters, however deep it stands', () => {
    const draft = { LoadBalancerId: '', BackendServers: [{ ServerId: '', Port: '' }, {}] };
    assert.equal(meant(form, draft), undefined);
    const filled = { ...draft, BackendServers: [{}, { ServerId: 'i-1', Port: '', Weight: '0' }] };
    assert.deepEqual(meant(form, filled), { BackendServers: [{ ServerId: 'i-1', Weight: 0 }] });
  });

  test('does not shift where a problem is shown', () => {
    const draft = { BackendServers: [{}, { ServerId: 'i-1' }, '', { ServerId: 'i 2' }] };
    const path = pathInDraft(form, draft, ['BackendServers', 1, 'ServerId']);
    assert.deepEqual(path, ['BackendServers', 3, 'ServerId']);
    const asText = { BackendServers: '[{"ServerId":"i 2"}]' };
    assert.deepEqual(pathInDraft(form, asText, ['BackendServers', 0, 'ServerId']), [
      'BackendServers',
    ]);
  });
});

describe('what the form has no place for', () => {
  const form = formFor('AddBackendServers');

  test('is named, and shown as JSON so that it is not lost', () => {
    const value = { LoadBalancerId: 'lb-1', Colour: 'red' };
    assert.deepEqual(strays(form, value), ['Colour']);
    assert.deepEqual(meant(form, draftOf(form, value)), value);
    const nested = { BackendServers: [{ ServerId: 'i-1', Colour: 'red' }] };
    assert.deepEqual(strays(form, nested), []);
    assert.deepEqual(meant(form, draftOf(form, nested)), nested);
  });

  test('or is of another type, goes out as it was typed', () => {
    const draft = { BackendServers: [{ ServerId: 'i-1', Port: 'eighty' }] };
    assert.deepEqual(meant(form, draft), draft);
    assert.deepEqual(meant(form, { BackendServers: '[oops' }), { BackendServers: '[oops' });
  });
});

test('a part takes its place and leaves the others alone', () => {
  const draft = { Id: 'a', List: [{ Name: 'b' }, { Name: 'c' }] };
  assert.deepEqual(placed(draft, ['List', 1, 'Name'], 'd'), {
    Id: 'a',
    List: [{ Name: 'b' }, { Name: 'd' }],
  });
  assert.deepEqual(placed(undefined, ['A', 'B'], 'c'), { A: { B: 'c' } });
});
