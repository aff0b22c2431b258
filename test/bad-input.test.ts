import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import net from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { actions } from '../src/api/actions/index.ts';
import { type RpcAnswer, RpcError } from '../src/client.ts';
import { limits } from '../src/limits.ts';
import { badCalls, type Samples, sharpTexts } from './support/hostile.ts';
import { emptyLoadBalancer } from './support/scene.ts';
import { type Sluice, startSluice } from './support/sluice.ts';

let sluice: Sluice;
let samples: Samples;

before(async () => {
  sluice = await startSluice({ mode: 'control-plane' });
  samples = await furnish(sluice);
});
after(() => sluice?.stop());

/** A site with something of everything, and a good value for every parameter. */
async function furnish({ client }: Sluice): Promise<Samples> {
  await client.call('Sluice', 'RegisterSite', {
    EnsRegionId: 'local',
    AddressPool: '127.0.0.0/24',
  });
  const instance = { EnsRegionId: 'local', InstanceId: 'i-1', PrivateIpAddress: '10.0.0.9' };
  await client.call('Sluice', 'RegisterInstance', instance);
  const LoadBalancerId = await emptyLoadBalancer(client);
  const listener = { LoadBalancerId, ListenerPort: 80 };
  await client.call('Ens', 'CreateLoadBalancerTCPListener', listener);
  const http = { ...listener, ListenerPort: 81, HealthCheck: 'on' };
  await client.call('Ens', 'CreateLoadBalancerHTTPListener', http);
  const { body } = await client.call('Ens', 'DescribeLoadBalancerAttribute', { LoadBalancerId });
  const { NetworkId, VSwitchId } = body as { NetworkId: string; VSwitchId: string };
  const server = { ServerId: 'i-1', Weight: 5 };
  return {
    ...instance,
    ...listener,
    ...{ NetworkId, VSwitchId, InstanceId: 'i-1', BackendServers: [server] },
    ...{ LoadBalancerSpec: 'elb.s1.small', PayType: 'PostPaid', HealthCheck: 'on' },
    ...{ LoadBalancerName: 'name', LoadBalancerStatus: 'Active', CidrBlock: '10.9.0.0/16' },
    ...{ AddressPool: '127.0.0.0/24', ForwarderName: 'edge', Frozen: false, Report: '{}' },
    NetworkInterfaces: [{ NetworkInterfaceId: 'eni-1', PrivateIpAddress: '10.0.0.8' }],
    Tag: [{ Key: 'k', Value: 'v' }],
  };
}

/** Everything that is stored but audit records. */
function stored(): string {
  const database = new DatabaseSync(join(sluice.dataFolder, 'store.db'), { readOnly: true });
  const rows = database
    .prepare("SELECT key, value FROM kv WHERE key NOT LIKE 'audit/%' ORDER BY key")
    .all();
  database.close();
  return createHash('sha256').update(JSON.stringify(rows)).digest('hex');
}

async function answerOf(call: Promise<RpcAnswer>): Promise<RpcAnswer | RpcError> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof RpcError) return error;
    throw error;
  }
}

describe('a bad parameter gets its documented error, and nothing changes', () => {
  for (const action of actions) {
    test(action.name, async () => {
      const before = stored();
      const wrong: string[] = [];
      for (const { what, parameters, code } of badCalls(action, samples)) {
        const call = sluice.client.call(action.product, action.name, parameters);
        const answer = await answerOf(call);
        const got = answer instanceof RpcError ? answer.code : `status ${answer.status}`;
        if (got !== code || answer.status !== 400) wrong.push(`${what}: ${got}, not ${code}`);
      }
      assert.deepEqual(wrong, []);
      assert.equal(stored(), before, 'the store has changed');
    });
  }
});

test('texts that are sharp somewhere are taken or refused, never a fault of ours', async () => {
  const faults: string[] = [];
  for (const action of actions.filter(({ stream }) => stream === undefined)) {
    for (const name of Object.keys(action.input.shape)) {
      for (const text of sharpTexts) {
        const call = sluice.client.call(action.product, action.name, { ...samples, [name]: text });
        const answer = await answerOf(call);
        if (answer.status >= 500) faults.push(`${action.name} ${name} ${text.slice(0, 20)}`);
      }
    }
  }
  assert.deepEqual(faults, []);
  await sluice.client.call('Ens', 'DescribeLoadBalancers', {});
});

describe('bytes that are no call get an error in JSON', () => {
  const host = 'host: x\r\n';
  const rows: readonly (readonly [what: string, bytes: string, code: string])[] = [
    ['no action', `GET / HTTP/1.1\r\n${host}\r\n`, 'MissingAction'],
    ['no version', `GET /?Action=A HTTP/1.1\r\n${host}\r\n`, 'MissingVersion'],
    ['an unknown version', `GET /?Action=A&Version=1 HTTP/1.1\r\n${host}\r\n`, 'InvalidVersion'],
    [
      'an unknown action',
      `GET /?Action=A&Version=2017-11-10 HTTP/1.1\r\n${host}\r\n`,
      'InvalidAction.NotFound',
    ],
    [
      'no credential',
      `GET /?Action=DescribeLoadBalancers&Version=2017-11-10 HTTP/1.1\r\n${host}\r\n`,
      'MissingAccessKeyId',
    ],
    [
      'another method',
      `PUT / HTTP/1.1\r\n${host}content-length: 0\r\n\r\n`,
      'UnsupportedHTTPMethod',
    ],
    ['another path', `GET /index.html HTTP/1.1\r\n${host}\r\n`, 'InvalidAction.NotFound'],
    ['no HTTP', 'hello\r\n\r\n', 'UnsupportedParameter'],
    [
      'a header that is too long',
      `GET / HTTP/1.1\r\n${host}x: ${'a'.repeat(200_000)}\r\n\r\n`,
      'UnsupportedParameter',
    ],
    [
      'a body that is too long',
      `POST / HTTP/1.1\r\n${host}content-length: ${limits.bodyBytes + 1}\r\n\r\n`,
      'UnsupportedParameter',
    ],
    [
      'more parameters than may be',
      `GET /?${'a&'.repeat(limits.parameters + 1)} HTTP/1.1\r\n${host}\r\n`,
      'UnsupportedParameter',
    ],
    ['broken percent signs', `GET /?%E0%A4%A=%&%zz=1 HTTP/1.1\r\n${host}\r\n`, 'MissingAction'],
  ];
  for (const [what, bytes, code] of rows) {
    test(what, async () => {
      const [head = '', body = ''] = (await exchange(bytes)).split('\r\n\r\n', 2);
      assert.match(head, /^HTTP\/1\.1 4\d\d /);
      const error = JSON.parse(body) as Record<string, unknown>;
      assert.equal(error.Code, code);
      for (const name of ['Code', 'Message', 'RequestId', 'HostId', 'Recommend']) {
        assert.equal(typeof error[name], 'string', name);
      }
    });
  }
});

/** Sends bytes and reads until the answer is whole or the server hangs up. */
function exchange(bytes: string): Promise<string> {
  const { hostname, port } = new URL(sluice.endpoint);
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), hostname);
    let text = '';
    socket.setEncoding('utf8');
    socket.setTimeout(20_000, () => socket.destroy(new Error('no answer within 20 s')));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // The server may hang up before it has read all that is too much.
      if (text === '') reject(error);
      else resolve(text);
    });
    socket.on('data', (chunk) => {
      text += chunk;
      if (text.includes('}') && text.includes('\r\n\r\n')) socket.end();
    });
    socket.on('close', () => resolve(text));
    socket.write(bytes);
  });
}
