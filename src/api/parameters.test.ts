import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { type Action, defineAction } from './actions/action.ts';
import { ApiError } from './errors.ts';
import { readInput } from './parameters.ts';

const fields = z.object({
  Id: z.string().regex(/^[a-z0-9-]{1,8}$/),
  Servers: z
    .array(
      z.object({
        ServerId: z.string().max(8),
        Type: z.enum(['ens', 'eni']).optional(),
        Ip: z.union([z.ipv4(), z.ipv6()]).optional(),
        Port: z.int().min(0).max(65_535).optional(),
        Weight: z.int().min(0).max(100).default(100),
      }),
    )
    .max(3)
    .optional(),
  Sites: z.array(z.string()).optional(),
  Tag: z.array(z.object({ Key: z.string(), Values: z.array(z.string()) })).optional(),
  Size: z.int().min(1).max(100).optional(),
  Force: z.boolean().optional(),
  Note: z.string().max(80).nullable().optional(),
});

function action(errors: readonly string[] = ['Invalid%s']): Action {
  return defineAction({
    name: 'Test',
    product: 'Ens',
    access: 'get',
    summary: 'For this test.',
    input: fields,
    output: z.object({}),
    errors,
    limits: { perApi: 1, perAccount: 1 },
    run: async () => ({}),
  });
}

function read(parameters: Record<string, string>, errors?: readonly string[]) {
  return readInput(action(errors), new Map(Object.entries({ Id: 'lb-1', ...parameters })));
}

/** The error of a call: code, text, and what the header x-sluice-detail says. */
function refusal(parameters: Record<string, string>, errors?: readonly string[]) {
  try {
    read(parameters, errors);
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.status, 400);
    return error;
  }
  return assert.fail('it was accepted');
}

describe('typed input from wire text', () => {
  test('numbers, booleans and texts', () => {
    const typed = { Id: 'lb-1', Size: 20, Force: true, Note: 'a  b' };
    assert.deepEqual(read({ Size: '20', Force: 'True', Note: 'a  b' }), typed);
    assert.deepEqual(read({ Force: 'FALSE' }), { Id: 'lb-1', Force: false });
  });

  test('unknown names are ignored, empty texts are absent', () => {
    assert.deepEqual(read({ Size: '', Servers: '', RegionId: 'cn', __proto__x: '1' }), {
      Id: 'lb-1',
    });
  });

  const server = { ServerId: 'i-1', Port: 80, Weight: 5 };
  for (const [who, parameters] of Object.entries({
    'typed SDKs': { Servers: '[{"Port":80,"ServerId":"i-1","Weight":5}]' },
    'older Go SDKs, all texts': {
      Servers: '[{"Port":"80","Ip":"","Weight":"5","Type":"","ServerId":"i-1"}]',
    },
    'people, with white space': {
      Servers: '[ {"ServerId" : "i-1",\n\t"Port": 80, "Weight": 5, "Ip": null} ]',
    },
    'pop-core, flattened': {
      'Servers.1.ServerId': 'i-1',
      'Servers.1.Port': '80',
      'Servers.1.Weight': '5',
    },
    'flattened elements that are JSON': { 'Servers.1': '{"ServerId":"i-1","Port":80,"Weight":5}' },
  })) {
    test(`a list of servers as sent by ${who}`, () => {
      assert.deepEqual(read(parameters), { Id: 'lb-1', Servers: [server] });
    });
  }

  test('lists of texts, flattened or JSON, with indexes in rising order over gaps', () => {
    const Sites = ['a', 'b', 'c'];
    assert.deepEqual(read({ Sites: '["a","b","c"]' }), { Id: 'lb-1', Sites });
    const flat = { 'Sites.10': 'c', 'Sites.0': 'a', 'Sites.2': 'b', 'Sites.3': '' };
    assert.deepEqual(read(flat), { Id: 'lb-1', Sites });
  });

  test('lists inside objects inside lists', () => {
    const flat = { 'Tag.1.Key': 'k', 'Tag.1.Values.2': 'w', 'Tag.1.Values.1': 'v' };
    assert.deepEqual(read(flat), { Id: 'lb-1', Tag: [{ Key: 'k', Values: ['v', 'w'] }] });
  });

  test('any list of servers reads alike as JSON, as JSON of texts, and flattened', () => {
    const servers = fc.array(
      fc
        .record({
          ServerId: fc.stringMatching(/^[a-z0-9-]{1,8}$/),
          Type: fc.constantFrom('ens', 'eni'),
          Port: fc.integer({ min: 0, max: 65_535 }),
          Weight: fc.integer({ min: 0, max: 100 }),
        })
        .map((server) => ({ ...server })),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(servers, (Servers) => {
        const texts = Servers.map((each) =>
          Object.fromEntries(Object.entries(each).map(([name, value]) => [name, String(value)])),
        );
        const flat = texts.flatMap((each, index) =>
          Object.entries(each).map(([name, value]) => [`Servers.${index + 1}.${name}`, value]),
        );
        const expected = { Id: 'lb-1', Servers };
        assert.deepEqual(read({ Servers: JSON.stringify(Servers) }), expected);
        assert.deepEqual(read({ Servers: JSON.stringify(texts) }), expected);
        assert.deepEqual(read(Object.fromEntries(flat)), expected);
      }),
    );
  });
});

describe('refused input', () => {
  test('a required parameter that is absent or empty', () => {
    for (const Id of ['', undefined]) {
      const parameters = new Map(Id === undefined ? [] : [['Id', Id]]);
      assert.throws(
        () => readInput(action(), parameters),
        (error) =>
          error instanceof ApiError &&
          error.code === 'MissingId' &&
          error.message === 'You must specify the parameter Id.',
      );
    }
  });

  for (const [what, parameters, name] of [
    ['a wrong pattern', { Id: 'LB_1' }, 'Id'],
    ['a number that is none', { Size: '2x' }, 'Size'],
    ['a number with a blank', { Size: ' 2' }, 'Size'],
    ['a number out of range', { Size: '101' }, 'Size'],
    ['a fraction', { Size: '1.5' }, 'Size'],
    ['another word for true', { Force: 'yes' }, 'Force'],
    ['malformed JSON', { Servers: '[{"ServerId":' }, 'Servers'],
    ['an object for a list', { Servers: '{"ServerId":"i-1"}' }, 'Servers'],
    ['a text for a list', { Servers: 'i-1' }, 'Servers'],
    ['a list of numbers for one of objects', { Servers: '[1]' }, 'Servers'],
    ['a list of lists', { Servers: '[[{"ServerId":"i-1"}]]' }, 'Servers'],
    [
      'too many elements',
      { Servers: '[1,2,3,4]'.replaceAll(/\d/g, '{"ServerId":"i"}') },
      'Servers',
    ],
    ['a newline', { Note: 'a\nb' }, 'Note'],
    ['a NUL', { Note: 'a\0b' }, 'Note'],
    ['an escape sign', { Note: 'a\x1b[1mb' }, 'Note'],
    ['a C1 control', { Note: 'a\x85b' }, 'Note'],
    ['half a surrogate pair', { Sites: '["\\ud800"]' }, 'Sites'],
    ['names where indexes belong', { 'Sites.x': '1' }, 'Sites'],
  ] as const) {
    test(`${what}: Invalid${name}`, () => {
      const error = refusal(parameters);
      assert.equal(error.code, `Invalid${name}`);
      assert.equal(error.message, `The specified parameter ${name} is invalid.`);
      assert.match(error.detail ?? '', new RegExp(`^${name}`));
    });
  }

  test('where an action lists no Invalid%s it is InvalidParameter', () => {
    assert.equal(refusal({ Size: '0' }, []).code, 'InvalidParameter.Size');
  });

  for (const [what, server, field] of [
    ['a weight out of range', '{"ServerId":"i-1","Weight":101}', 'Weight'],
    ['a port that is a word', '{"ServerId":"i-1","Port":"http"}', 'Port'],
    ['a boolean port', '{"ServerId":"i-1","Port":true}', 'Port'],
    ['an unknown type', '{"ServerId":"i-1","Type":"ecs"}', 'Type'],
    ['an address that is none', '{"ServerId":"i-1","Ip":"10.0.0.256"}', 'Ip'],
    ['a number for a text', '{"ServerId":5}', 'ServerId'],
    ['an object for a text', '{"ServerId":{"a":1}}', 'ServerId'],
    ['a line break in a text', '{"ServerId":"i\\n1"}', 'ServerId'],
  ] as const) {
    test(`${what} in a list: InvalidParameter.${field}`, () => {
      const error = refusal({ Servers: `[${server}]` });
      assert.equal(error.code, `InvalidParameter.${field}`);
      const text = `The specified field ${field} invalid. Please check it again.`;
      assert.equal(error.message, text);
    });
  }

  test('a field that an element lacks is Missing, and missing comes before invalid', () => {
    assert.equal(refusal({ Servers: '[{"Weight":101,"ServerId":""}]' }).code, 'MissingServerId');
    assert.equal(refusal({ Size: 'x', 'Servers.1.Port': '80' }).code, 'MissingServerId');
  });

  test('__proto__ and constructor are names like any other', () => {
    const read1 = read({ Servers: '[{"ServerId":"i-1","__proto__":{"Weight":1}}]' });
    assert.deepEqual(read1.Servers, [{ ServerId: 'i-1', Weight: 100 }]);
    const read2 = read({ 'Servers.1.ServerId': 'i-1', 'Servers.1.__proto__.Weight': '1' });
    assert.deepEqual(read2.Servers, [{ ServerId: 'i-1', Weight: 100 }]);
    assert.equal(refusal({ 'Servers.__proto__.ServerId': 'i-1' }).code, 'InvalidServers');
    assert.equal(({} as { Weight?: unknown }).Weight, undefined);
  });

  test('depth is bounded: a deep name is ignored, deep JSON is refused, neither is a fault', () => {
    const deep = `Servers.${'1.'.repeat(10_000)}1`;
    assert.deepEqual(read({ [deep]: 'x' }), { Id: 'lb-1' });
    const nested = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    assert.equal(refusal({ Servers: nested }).code, 'InvalidServers');
  });

  test('whatever comes in is either typed input or an ApiError', () => {
    const name = fc.constantFrom('Servers', 'Servers.1', 'Servers.1.Port', 'Tag.1.Values', 'Size');
    const value = fc.oneof(fc.string({ unit: 'binary' }), fc.json());
    fc.assert(
      fc.property(fc.dictionary(name, value), (parameters) => {
        try {
          fields.parse(read(parameters));
        } catch (error) {
          assert.ok(error instanceof ApiError, String(error));
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
