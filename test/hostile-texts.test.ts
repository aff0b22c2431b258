import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { RpcError } from '../src/client.ts';
import { startHttpServer, type TestBackend } from './support/backends.ts';
import { controls, hostileSigns } from './support/bad-values.ts';
import { buildScene, type Scene } from './support/scene.ts';
import { type Sluice, startSluice } from './support/sluice.ts';

let sluice: Sluice;
let server: TestBackend;
let scene: Scene;

before(async () => {
  sluice = await startSluice();
  server = await startHttpServer('texts-1');
  scene = await buildScene(
    sluice.client,
    [server],
    [
      { protocol: 'HTTP' },
      { protocol: 'TCP', parameters: { HealthCheckType: 'http', HealthCheckURI: '/a' } },
    ],
  );
});
after(async () => {
  await sluice?.stop();
  await server?.close();
});

/** What a call did: its answer was 200, or its code. */
async function attempt(product: 'Ens' | 'Sluice', action: string, parameters: object) {
  try {
    const headers = { 'x-sluice-confirm-wait': '20s' };
    const answer = await sluice.client.call(product, action, { ...parameters }, { headers });
    assert.notEqual(answer.headers['x-sluice-applied'], '0/1', 'HAProxy did not take it');
    return 'taken';
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    assert.equal(error.status, 400, `${error.code}: ${error.message}`);
    return error.code;
  }
}

const folder = () => join(sluice.dataFolder, 'forwarder', 'haproxy');

/** The sections of all load balancers, as the forwarder has written them. */
async function sections(): Promise<string> {
  const path = join(folder(), 'load-balancers');
  const names = (await readdir(path)).sort();
  return (await Promise.all(names.map((name) => readFile(join(path, name), 'utf8')))).join('\n');
}

/** Fails with HAProxy's own words when it would not take the file that it was loaded from last. */
async function checkWithHaproxy(): Promise<void> {
  const files = ['haproxy.cfg', 'load-balancers'].flatMap((name) => ['-f', join(folder(), name)]);
  await promisify(execFile)('haproxy', ['-c', '-q', ...files]);
}

const keywords = (text: string) => text.split('\n').map((line) => line.trim().split(' ')[0]);

const sign = fc.oneof(
  fc.constantFrom(...hostileSigns, ...controls),
  fc.constantFrom(...'/.-_~!$&()*+,=:@%?aZ09', '\u2028', 'é', '\u{1F4A3}', '%0a', '${', '[', '|'),
);
/** Texts of signs that mean something somewhere, and anything at all. */
const beyond = fc.oneof(
  fc.array(sign, { minLength: 1, maxLength: 12 }).map((signs) => signs.join('')),
  fc.array(sign, { maxLength: 8 }).map((signs) => `/${signs.join('')}`),
  fc.array(sign, { maxLength: 4 }).map((signs) => `ab${signs.join('')}`),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 90 }),
);
/** Half of them within the alphabet, half anywhere. */
const around = (form: RegExp) => fc.oneof(fc.stringMatching(form, { maxLength: 80 }), beyond);

/** Texts that end up in HAProxy's file: the form that is taken, and all others refused. */
const probes = {
  HealthCheckDomain: /^[A-Za-z0-9.-]{1,80}$/,
  HealthCheckURI: /^\/(?=.*[^/])[A-Za-z0-9\-._~!$&()*+,=:@%/?]{1,79}$/,
} as const;
/** For the generator, which knows no lookahead. */
const generated = {
  HealthCheckDomain: /^[A-Za-z0-9.-]{1,80}$/,
  HealthCheckURI: /^\/[!$&-+a-z?%~]{1,79}$/,
};

describe('whatever a text holds, HAProxy reads what was meant, or the text is refused', () => {
  for (const name of ['HealthCheckDomain', 'HealthCheckURI'] as const) {
    for (const [index, protocol] of ['HTTP', 'TCP'].entries()) {
      test(`${name} of a ${protocol} listener`, () =>
        fc.assert(
          fc.asyncProperty(around(generated[name]), async (text) => {
            const before = await sections();
            const outcome = await attempt('Ens', `SetLoadBalancer${protocol}ListenerAttribute`, {
              LoadBalancerId: scene.loadBalancerId,
              ListenerPort: scene.ports[index],
              [name]: text,
            });
            const isTaken = probes[name].test(text);
            assert.equal(outcome, isTaken ? 'taken' : `Invalid${name}`, JSON.stringify(text));
            const now = await sections();
            if (!isTaken) assert.equal(now, before);
            else await checkTaken(before, now);
          }),
          { numRuns: 30, examples: [['a b'], ['/a b'], ["/'"], ['/$HOME'], ['/%[src]'], ['/"']] },
        ));
    }
  }

  /** The text changed a value: no line more or less, and none begins otherwise. */
  async function checkTaken(before: string, now: string): Promise<void> {
    await checkWithHaproxy();
    assert.deepEqual(keywords(now), keywords(before));
  }

  test('names and descriptions never get into its file', () =>
    fc.assert(
      fc.asyncProperty(fc.oneof(beyond, fc.string({ maxLength: 140 })), async (text) => {
        const before = await sections();
        const { loadBalancerId: LoadBalancerId, ports } = scene;
        const outcomes = [
          await attempt('Ens', 'ModifyLoadBalancerAttribute', {
            LoadBalancerId,
            LoadBalancerName: text,
          }),
          await attempt('Ens', 'SetLoadBalancerHTTPListenerAttribute', {
            LoadBalancerId,
            ListenerPort: ports[0],
            Description: text,
          }),
          await attempt('Sluice', 'RegisterInstance', {
            EnsRegionId: 'local',
            InstanceId: 'texts-2',
            PrivateIpAddress: '127.0.0.1',
            InstanceName: text,
          }),
        ];
        const codes = ['LoadBalancerName', 'Description', 'InstanceName'];
        for (const [index, outcome] of outcomes.entries()) {
          const name = codes[index]!;
          const allowed = ['taken', `Invalid${name}`, ...(text === '' ? [`Missing${name}`] : [])];
          assert.ok(allowed.includes(outcome), `${outcome} for ${JSON.stringify(text)}`);
          if (/\p{Cc}/u.test(text)) assert.notEqual(outcome, 'taken', JSON.stringify(text));
        }
        assert.equal(await sections(), before);
      }),
      { numRuns: 60 },
    ));

  test('ids of servers and interfaces', () =>
    fc.assert(
      fc.asyncProperty(
        around(/^[A-Za-z0-9-]{1,64}$/),
        fc.constantFrom('ens', 'eni'),
        async (text, Type) => {
          const before = await sections();
          const isTaken = /^[A-Za-z0-9-]{1,64}$/.test(text);
          const own = { EnsRegionId: 'local', PrivateIpAddress: '127.0.0.1' };
          const registered = await attempt('Sluice', 'RegisterInstance', {
            ...own,
            ...(Type === 'ens'
              ? { InstanceId: text }
              : {
                  InstanceId: 'texts-3',
                  NetworkInterfaces: [{ NetworkInterfaceId: text, PrivateIpAddress: '127.0.0.1' }],
                }),
          });
          const code = Type === 'ens' ? 'InvalidInstanceId' : 'InvalidParameter.NetworkInterfaceId';
          assert.equal(registered, isTaken ? 'taken' : code, JSON.stringify(text));
          const { loadBalancerId: LoadBalancerId } = scene;
          const BackendServers = [{ ServerId: text, Type, Port: 9 }];
          const added = await attempt('Ens', 'AddBackendServers', {
            LoadBalancerId,
            BackendServers,
          });
          assert.equal(added, isTaken ? 'taken' : 'InvalidParameter.ServerId');
          if (isTaken) {
            const times = (name: string, all: string) => all.split(` ${name}.`).length - 1;
            const now = await sections();
            assert.equal(times(`${text}.${Type}`, now), times('texts-1.ens', before));
            await attempt('Ens', 'RemoveBackendServers', { LoadBalancerId, BackendServers });
          }
          assert.equal(await sections(), before);
        },
      ),
      { numRuns: 40 },
    ));
});
