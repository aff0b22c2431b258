import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { z } from 'zod';
import type { Caller } from '../call.ts';
import { errorTable } from '../errors.ts';
import { type Action, ramName, versions } from './action.ts';
import { actions, catalogue } from './index.ts';

/** A parameter, field or list item of the reference. */
interface Documented {
  readonly type: string;
  readonly required?: boolean;
  readonly enum?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly default?: unknown;
  readonly items?: Documented;
  readonly fields?: Readonly<Record<string, Documented>>;
}

interface DocumentedAction {
  readonly access: string;
  readonly params: readonly (Documented & { readonly name: string })[];
  readonly response: Readonly<Record<string, Documented>>;
  readonly errors: readonly { readonly code: string }[];
  readonly rateLimit?: { readonly perApi: number; readonly perUser: number };
}

const fixture = new URL('../../../test/fixtures/ens-elb.json', import.meta.url);
const { actions: documented } = JSON.parse(await readFile(fixture, 'utf8')) as {
  actions: Readonly<Record<string, DocumentedAction>>;
};

/** Where the documentation differs from itself or from what clients need: path -> why. */
const deviations: Readonly<Record<string, string>> = {
  'SetBackendServers.params.BackendServers.[].Weight.required': 'the text has a default of 100',
  'CreateLoadBalancerTCPListener.params.Scheduler.enum': 'the union of what clients know',
  'SetLoadBalancerTCPListenerAttribute.params.Scheduler.enum': 'the union of what clients know',
  'RemoveBackendServers.params.BackendServers.[].Type.default': 'absent: of any type',
  'SetBackendServers.params.BackendServers.[].Type.default': 'absent: of any type',
  ...Object.fromEntries(
    ['TCP', 'UDP', 'HTTP', 'HTTPS'].map((kind) => [
      `CreateLoadBalancer${kind}Listener.params.HealthCheckConnectPort.default`,
      'told in words: the port of the server',
    ]),
  ),
  'DescribeLoadBalancerListeners.params.PageSize.default': 'none is told: all that there can be',
  'DescribeInstances.params.EnsRegionIds.type': 'a JSON text of a list',
  'DescribeInstances.params.InstanceIds.maxItems': 'a JSON text of a list',
  'DescribeInstances.params.PageSize.type': 'a number in a text',
  'DescribeInstances.params.PageSize.default': 'none is told: as its siblings have it',
};
const unused = new Set(Object.keys(deviations));

/** Comma-joined runs are taken too, so the reference's list is one of single values. */
const runs = new Set(['HealthCheckHttpCode']);

interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  /** Sent empty, it clears what was set. */
  readonly clearable?: boolean;
  readonly default?: unknown;
  readonly description?: string;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

function schemaOf(schema: z.ZodObject, io: 'input' | 'output'): JsonSchema {
  return z.toJSONSchema(schema, { io }) as JsonSchema;
}

const ens = actions.filter(({ product }) => product === 'Ens');
const isDocumented = ({ name }: Action) => documented[name] !== undefined;

/** Compares unless the path is a known deviation; all differences are told together. */
class Comparison {
  readonly differences: string[] = [];

  same(path: string, actual: unknown, expected: unknown): void {
    if (JSON.stringify(actual) === JSON.stringify(expected)) return;
    if (path in deviations) unused.delete(path);
    else
      this.differences.push(`${path}: ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
  }

  fields(
    path: string,
    actual: JsonSchema,
    expected: Readonly<Record<string, Documented>>,
    compare: (path: string, actual: JsonSchema, expected: Documented, required: boolean) => void,
  ): void {
    const shown = actual.properties ?? {};
    for (const name of new Set([...Object.keys(shown), ...Object.keys(expected)])) {
      const [mine, theirs] = [shown[name], expected[name]];
      if (mine === undefined || theirs === undefined) {
        this.same(`${path}.${name}`, mine && 'present', theirs && 'present');
      } else {
        compare(`${path}.${name}`, mine, theirs, actual.required?.includes(name) ?? false);
      }
    }
  }

  input = (path: string, actual: JsonSchema, expected: Documented, required: boolean): void => {
    const name = path.split('.').at(-1)!;
    this.same(`${path}.type`, actual.type ?? actual.anyOf?.[0]?.type, expected.type);
    this.same(`${path}.required`, required, expected.required);
    if (!runs.has(name)) this.same(`${path}.enum`, actual.enum, expected.enum);
    if (expected.min !== undefined) this.same(`${path}.min`, actual.minimum, expected.min);
    if (expected.max !== undefined) this.same(`${path}.max`, actual.maximum, expected.max);
    this.same(`${path}.minItems`, actual.minItems, expected.minItems);
    this.same(`${path}.maxItems`, actual.maxItems, expected.maxItems);
    this.same(`${path}.default`, actual.default, expected.default);
    const { minLength, maxLength } = expected;
    if (minLength !== undefined && !actual.clearable) {
      this.same(`${path}.minLength`, actual.minLength, minLength);
    }
    if (maxLength !== undefined) this.same(`${path}.maxLength`, actual.maxLength, maxLength);
    if (expected.items?.fields && actual.items) {
      this.fields(`${path}.[]`, actual.items, expected.items.fields, this.input);
    }
  };

  output = (path: string, actual: JsonSchema, expected: Documented): void => {
    this.same(`${path}.type`, actual.type, expected.type);
    if (expected.items && actual.items) {
      this.output(`${path}.[]`, actual.items, expected.items);
    }
    if (expected.fields) this.fields(path, actual, expected.fields, this.output);
  };
}

test('every action is found by its version and name, once', () => {
  assert.equal(catalogue.size, actions.length);
  assert.ok(catalogue.has('2017-11-10 RemoveBackendServers'));
  for (const action of actions) {
    assert.equal(catalogue.get(`${versions[action.product]} ${action.name}`), action);
  }
});

test('parameters and answers are the documented ones, in name, type, range and letter case', () => {
  const comparison = new Comparison();
  for (const action of ens.filter(isDocumented)) {
    const { params, response, access, rateLimit } = documented[action.name]!;
    const { name } = action;
    const named = Object.fromEntries(params.map((each) => [each.name, each]));
    comparison.fields(`${name}.params`, schemaOf(action.input, 'input'), named, comparison.input);
    const { RequestId: _, ...own } = response;
    const output = schemaOf(action.output, 'output');
    comparison.fields(`${name}.response`, output, own, comparison.output);
    comparison.same(`${name}.access`, action.access, access);
    if (rateLimit !== undefined) {
      const { perApi, perAccount: perUser } = action.limits;
      comparison.same(`${name}.rateLimit`, { perApi, perUser }, rateLimit);
    }
  }
  assert.deepEqual(comparison.differences, []);
  assert.deepEqual([...unused], [], 'deviations that are none');
});

test('every action is one that the documentation has', () => {
  assert.deepEqual(
    ens.filter((action) => !isDocumented(action)).map(({ name }) => name),
    [],
  );
});

test('every action may raise the errors that are documented for it', () => {
  // Nothing is sold here, and nothing but an EIP answers 5100.
  const never = new Set(['SaleControl.VerificationFailed', '5100']);
  const missing = ens
    .filter(isDocumented)
    .flatMap(({ name, errors }) =>
      documented[name]!.errors.filter(({ code }) => !errors.includes(code) && !never.has(code)).map(
        ({ code }) => `${name}: ${code}`,
      ),
    );
  assert.deepEqual(missing, []);
});

test('every error that an action names is in the table', () => {
  for (const { name, errors } of actions) {
    for (const code of errors) assert.ok(code in errorTable, `${name}: ${code}`);
    assert.equal(new Set(errors).size, errors.length, name);
  }
});

test('every action says what it does, and each of its parameters what it is for', () => {
  for (const action of actions) {
    assert.match(action.summary, /^[A-Z].*\.$/, action.name);
    const { properties = {} } = schemaOf(action.input, 'input');
    for (const [name, { description }] of Object.entries(properties)) {
      assert.ok(description, `${action.name}.${name}`);
    }
  }
});

describe('what RAM calls them', () => {
  const caller = { account: '1000000000000001', principal: { kind: 'root' } } as Caller;
  const resourceOf = (action: Action, input: Record<string, unknown>) =>
    action.resource?.(input, caller.account, caller) ?? '*';

  test('every action has a name of its own, by which policies allow it', () => {
    const services = {
      Ens: 'ens',
      Cas: 'yundun-cert',
      Ram: 'ram',
      Sts: 'sts',
      Actiontrail: 'actiontrail',
      Sluice: 'sluice',
    };
    for (const action of actions) {
      assert.equal(ramName(action), `${services[action.product]}:${action.name}`);
    }
    assert.equal(new Set(actions.map(ramName)).size, actions.length);
  });

  test('every action on a load balancer names it as its resource', () => {
    const named = actions.flatMap((action) => {
      const byId = ['DeleteLoadBalancer', 'ReleaseInstance'].includes(action.name)
        ? ['LoadBalancerId', 'InstanceId']
        : ['LoadBalancerId'];
      const parameter = byId.find((each) =>
        schemaOf(action.input, 'input').required?.includes(each),
      );
      return parameter === undefined ? [] : [{ action, parameter }];
    });
    assert.ok(named.length > 25, `${named.length}`);
    for (const { action, parameter } of named) {
      assert.equal(
        resourceOf(action, { [parameter]: 'lb-1' }),
        'acs:ens:*:1000000000000001:loadbalancer/lb-1',
        action.name,
      );
    }
  });

  test('every other action names what it is about; few are about nothing', () => {
    const about = new Map(actions.map((action) => [action.name, resourceOf(action, named)]));
    const nothing = actions.filter(({ forEverybody }) => !forEverybody);
    assert.deepEqual(
      nothing.map(({ name }) => name).filter((name) => about.get(name) === '*'),
      [
        'DescribeLoadBalancerSpec',
        'DescribeEnsRegions',
        'DescribeElbAvailableResourceInfo',
        'DecodeDiagnosticMessage',
      ],
    );
    const own = (text: string) => `acs:ens:*:1000000000000001:${text}`;
    assert.equal(about.get('DeleteNetwork'), own('network/n-1'));
    assert.equal(about.get('DeleteVSwitch'), own('vswitch/vsw-1'));
    assert.equal(about.get('StopInstance'), own('instance/i-1'));
    assert.equal(about.get('DescribeLoadBalancers'), own('loadbalancer/lb-1'));
    assert.equal(
      resourceOf(actions.find(({ name }) => name === 'DescribeNetworks')!, {}),
      own('network/*'),
    );
    const certificate = 'acs:yundun-cert:*:1000000000000001:certificate/12345678';
    assert.equal(about.get('DeleteUserCertificate'), certificate);
    assert.equal(about.get('SetFreeze'), 'acs:sluice:*:1000000000000001:freeze');
  });
});

const named = {
  LoadBalancerId: 'lb-1',
  NetworkId: 'n-1',
  VSwitchId: 'vsw-1',
  InstanceId: 'i-1',
  CertId: 12345678,
  UserName: 'u',
  RoleArn: 'acs:ram::1000000000000001:role/r',
};
