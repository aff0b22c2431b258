import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Action } from '../src/api/actions/action.ts';
import { actions } from '../src/api/actions/index.ts';
import { limits } from '../src/limits.ts';
import { type BadCall, badCalls, sharpCalls } from './support/bad-values.ts';
import { openRefusals, type Refusals } from './support/refusals.ts';
import { exchange, type SignedOptions, signed, type WireRequest } from './support/wire.ts';

let door: Refusals;
before(async () => {
  door = await openRefusals();
});
after(() => door?.close());

const call = ({ product, name }: Action, options: SignedOptions) =>
  signed(door.host, product, name, options);

const named = (name: string) => actions.find((action) => action.name === name)!;

/** In query or in form, by turns; what is too long for a query goes into the form. */
function carried(
  action: Action,
  { parameters }: Pick<BadCall, 'parameters'>,
  index: number,
): WireRequest {
  const pairs = Object.entries(parameters);
  const length = pairs.reduce((sum, [, text]) => sum + encodeURIComponent(text).length, 0);
  const inForm = index % 2 === 1 || length > 8_000;
  return call(action, inForm ? { form: pairs } : { query: pairs });
}

describe('each parameter of each action, wrong in every way', () => {
  for (const action of actions) {
    const calls = badCalls(action);
    test(`${action.name}: ${calls.length} calls refused, nothing changed`, async () => {
      await door.unchanged(async () => {
        for (const [index, bad] of calls.entries()) {
          await door.refuse(carried(action, bad, index), 400, bad.code, bad.what);
        }
      });
    });
  }

  test('only texts for people and filters take signs that end a token elsewhere', () => {
    const free = actions.flatMap(({ input }) =>
      Object.entries(input.shape).flatMap(([name, schema]) =>
        [' ', '"', ';', '#', '\\'].some((sign) => schema.safeParse(`ab${sign}c`).success)
          ? [name]
          : [],
      ),
    );
    const known = [
      ...['BillingCycle', 'Cert', 'ClientToken', 'Description', 'ImageId', 'InstanceName'],
      ...[
        'InstanceResourceType',
        'InstanceType',
        'Ipv6Isp',
        'Key',
        'Keyword',
        'LoadBalancerName',
        'Name',
        'NetworkName',
      ],
      ...['AccountName', 'AssumeRolePolicyDocument', 'Comments', 'DisplayName', 'Email'],
      ...['MobilePhone', 'NewAssumeRolePolicyDocument', 'NewComments', 'NewDescription'],
      ...['EncodedDiagnosticMessage', 'SessionPolicy'],
      ...['NewDisplayName', 'NewEmail', 'NewMobilePhone', 'Policy', 'PolicyDocument'],
      ...['OrderByParams', 'Reason', 'Report', 'SearchKey', 'SecurityGroupId', 'VSwitchName'],
    ];
    const unknown = [...new Set(free)].filter((name) => !known.includes(name));
    assert.deepEqual(unknown.sort(), ['LoadBalancerSpec']);
  });
});

describe('parameters on the wire', () => {
  const add = named('AddBackendServers');
  const servers = (...ids: string[]) => JSON.stringify(ids.map((ServerId) => ({ ServerId })));
  const id = (text: string): [string, string] => ['LoadBalancerId', text];
  const list = (text: string): [string, string] => ['BackendServers', text];

  test('of a name that comes twice the last counts, and the form before the query', () =>
    door.unchanged(async () => {
      const good = [id(door.loadBalancerId), list(servers('i-2'))];
      const wrong = 'InvalidBackendServers';
      await door.refuse(
        call(add, { query: [...good, list('[')] }),
        400,
        wrong,
        'twice in the query',
      );
      await door.refuse(call(add, { form: [...good, list('[')] }), 400, wrong, 'twice in the form');
      const both = { query: good, form: [list('[')] };
      await door.refuse(call(add, both), 400, wrong, 'in query and form');
      const empty = { query: good, form: [id('')] };
      await door.refuse(call(add, empty), 400, 'MissingLoadBalancerId', 'empty in the form');
    }));

  test('invalid UTF-8 and broken escapes are texts that no parameter takes', () =>
    door.unchanged(async () => {
      const wrong = 'InvalidLoadBalancerId';
      for (const [raw, read] of [
        ['%ff%fe', '\uFFFD\uFFFD'],
        ['%c3%28', '\uFFFD('],
        ['%ed%a0%80', '\uFFFD\uFFFD\uFFFD'],
        ['lb%', 'lb%'],
        ['lb%zz', 'lb%zz'],
        ['lb%u0041', 'lb%u0041'],
        ['lb%00', 'lb\0'],
      ] as const) {
        const coded = encodeURIComponent(servers('i-2'));
        const query = [id(read), list(servers('i-2'))];
        const rawQuery = `LoadBalancerId=${raw}&BackendServers=${coded}`;
        await door.refuse(call(add, { query, rawQuery }), 400, wrong, raw);
      }
    }));

  test('names of JavaScript itself are no parameters', () =>
    door.unchanged(async () => {
      for (const name of [
        '__proto__',
        'constructor',
        'toString',
        'hasOwnProperty',
        '__proto__.1',
      ]) {
        const query: [string, string][] = [
          [name, servers('i-2')],
          id(door.loadBalancerId),
          [`BackendServers.1.${name}.ServerId`, 'i-2'],
        ];
        await door.refuse(call(add, { query }), 400, 'MissingServerId', name);
      }
    }));

  test('a list of servers is refused whole when one of them is wrong', () =>
    door.unchanged(async () => {
      const many = Array.from({ length: 21 }, (_, index) => `i-${index}`);
      const wrong = [list(servers('i-2').replace(']', ',{"ServerId":"i-3","Port":65536}]'))];
      const of = (pairs: [string, string][]) =>
        call(add, { form: [id(door.loadBalancerId), ...pairs] });
      await door.refuse(of(wrong), 400, 'InvalidParameter.Port', 'one wrong port');
      await door.refuse(of([list(servers(...many))]), 400, 'InvalidBackendServers', '21 servers');
      const flat = many.map((each, n): [string, string] => [`BackendServers.${n}.ServerId`, each]);
      await door.refuse(of(flat), 400, 'InvalidBackendServers', '21 servers, flattened');
      await door.refuse(
        of([list(servers('i-2', 'i-none'))]),
        400,
        'InvalidParameter.ServerId',
        'unknown',
      );
    }));

  test('more parameters, or more bytes, than the bounds allow are refused', () =>
    door.unchanged(async () => {
      const pair = (n: number): [string, string] => [`BackendServers.${n}.ServerId`, 'i-2'];
      const many = Array.from({ length: limits.parameters + 1 }, (_, n) => pair(n));
      const code = 'UnsupportedParameter';
      await door.refuse(call(add, { form: many }), 400, code, 'too many parameters');
      const long = list('x'.repeat(limits.queryBytes));
      await door.refuse(call(add, { query: [long] }), 400, code, 'a query that is too long');
      const whole = list('x'.repeat(limits.bodyBytes));
      await door.refuse(call(add, { form: [whole] }), 400, code, 'a body that is too long');
    }));

  test('a header of our own that is no such value is refused by its name', () =>
    door.unchanged(async () => {
      const client = door.sluice.client;
      for (const [name, text] of [
        ['x-sluice-if-revision', '-1'],
        ['x-sluice-if-revision', '1e3'],
        ['x-sluice-dry-run', 'maybe'],
        ['x-sluice-drain-seconds', String(limits.drainSecondsMax + 1)],
        ['x-sluice-confirm-wait', '2m'],
      ] as const) {
        const parameters = { LoadBalancerId: door.loadBalancerId, BackendServers: servers('i-2') };
        await assert.rejects(
          client.call('Ens', add.name, parameters, { headers: { [name]: text } }),
          { status: 400, code: `InvalidParameter.${name}` },
        );
      }
    }));
});

test('texts that are sharp somewhere are taken or refused, never a fault of ours', async () => {
  const known = {
    LoadBalancerId: door.loadBalancerId,
    ...{ InstanceId: 'i-1', ListenerPort: '80', BackendServers: '[{"ServerId":"i-2"}]' },
  };
  for (const action of actions.filter(({ stream }) => stream === undefined)) {
    for (const [index, { what, parameters }] of sharpCalls(action, known).entries()) {
      const request = carried(action, { parameters }, index);
      const { status, text } = await exchange(door.sluice.endpoint, request);
      assert.ok(status < 500, `${action.name} ${what}: ${status} ${text.slice(0, 300)}`);
      assert.equal(typeof (JSON.parse(text) as { RequestId: string }).RequestId, 'string');
    }
  }
});

test('nothing of all this is a fault of ours', () => {
  assert.doesNotMatch(door.sluice.output(), /"level":(50|60)|InternalError|Unhandled/);
});
