import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import {
  type Bench,
  createLoadBalancer,
  failsWith,
  forwarder,
  furnish,
  openBench,
  storedLoadBalancer,
} from '../../../test/support/call.ts';
import { makeCertificate } from '../../../test/support/certificates.ts';
import { keys } from '../../store/keys.ts';
import type { Action } from './action.ts';
import { AddBackendServers } from './backend-servers.ts';
import { DeleteUserCertificate, UploadUserCertificate } from './cas/index.ts';
import { DeleteLoadBalancer } from './delete-load-balancer.ts';
import {
  CreateLoadBalancerHTTPSListener,
  DescribeLoadBalancerHTTPSListenerAttribute,
  SetLoadBalancerHTTPSListenerAttribute,
} from './https-listeners.ts';
import {
  DeleteLoadBalancerListener,
  DescribeLoadBalancerListeners,
  StartLoadBalancerListener,
  StopLoadBalancerListener,
} from './listeners.ts';

const { cert: Cert, key: Key } = makeCertificate();
let bench: Bench;
let LoadBalancerId: string;
/** Two certificates. */
let first: string;
let second: string;

before(async () => {
  bench = await openBench();
  bench.clock.now = Date.now();
  await furnish(bench);
});
after(() => bench.close());
beforeEach(async () => {
  bench.forwarders.length = 0;
  LoadBalancerId = await createLoadBalancer(bench);
  [first, second] = [await upload(), await upload()];
});

type Parameters = Readonly<Record<string, unknown>>;

async function upload(how = {}): Promise<string> {
  const { output } = await bench.call(UploadUserCertificate, { Cert, Key }, how);
  return String(output.CertId);
}

const run = async (action: Action, ListenerPort: number, more: Parameters = {}) =>
  (await bench.call(action, { LoadBalancerId, ListenerPort, ...more })).output;
const create = (port: number, more: Parameters = {}) =>
  run(CreateLoadBalancerHTTPSListener, port, {
    HealthCheck: 'off',
    ServerCertificateId: first,
    ...more,
  });
const set = (port: number, more?: Parameters) =>
  run(SetLoadBalancerHTTPSListenerAttribute, port, more);
const describeHttps = (port: number) => run(DescribeLoadBalancerHTTPSListenerAttribute, port);
const deleteCertificate = (CertId: string) => bench.call(DeleteUserCertificate, { CertId });
const uses = async (id: string) =>
  (await bench.store.range(keys.certificateUses(id))).entries.map(({ key }) => key);

describe('an HTTPS listener', () => {
  test('is made stopped, with the documented defaults and its status in lower case', async () => {
    assert.deepEqual(await create(443, { HealthCheck: 'on' }), {});
    assert.deepEqual(await describeHttps(443), {
      ListenerPort: 443,
      BackendServerPort: 0,
      Bandwidth: -1,
      IdleTimeout: 15,
      RequestTimeout: 60,
      Scheduler: 'wrr',
      ServerCertificateId: first,
      Status: 'stopped',
      ListenerForward: 'off',
      HealthCheck: 'on',
      HealthCheckMethod: 'head',
      HealthCheckTimeout: 5,
      HealthCheckInterval: 2,
      HealthCheckConnectPort: 0,
      HealthCheckHttpCode: 'http_2xx',
      HealthyThreshold: 3,
      UnhealthyThreshold: 3,
    });
  });

  test('is started, listed, stopped and deleted like any other', async () => {
    await create(443, { Description: 'web' });
    await run(StartLoadBalancerListener, 443);
    bench.forwarders.push(forwarder());
    assert.equal((await describeHttps(443)).Status, 'running');
    const { output } = await bench.call(DescribeLoadBalancerListeners, { LoadBalancerId });
    const [{ CreateTime: _, ...listed }] = output.Listeners.Listener;
    assert.deepEqual(listed, {
      LoadBalancerId,
      ListenerPort: '443',
      Protocol: 'https',
      Status: 'running',
      BackendServerPort: 0,
      Description: 'web',
      ListenerForward: 'off',
    });
    await run(StopLoadBalancerListener, 443, { ListenerProtocol: 'https' });
    assert.equal((await describeHttps(443)).Status, 'stopped');
    await run(DeleteLoadBalancerListener, 443, { ListenerProtocol: 'https' });
    await assert.rejects(describeHttps(443), failsWith('ListenerNotFound', /NotFound/));
  });

  test('keeps what a Set leaves out', async () => {
    await create(443, { IdleTimeout: 5, StickySessionType: 'server', Cookie: 'SID' });
    const before = await storedLoadBalancer(bench, LoadBalancerId);
    await set(443, { ServerCertificateId: second, RequestTimeout: 7, HealthCheck: 'on' });
    const shown = await describeHttps(443);
    assert.deepEqual(
      [shown.ServerCertificateId, shown.IdleTimeout, shown.RequestTimeout, shown.HealthCheck],
      [second, 5, 7, 'on'],
    );
    const [was, is] = [before, await storedLoadBalancer(bench, LoadBalancerId)].map(
      (stored) => stored!.listeners[0] as { sticky?: unknown },
    );
    assert.deepEqual(is!.sticky, was!.sticky);
    await set(443, { IdleTimeout: 6 });
    assert.equal((await describeHttps(443)).ServerCertificateId, second);
    await assert.rejects(set(444, { IdleTimeout: 6 }), failsWith('ListenerNotFound'));
    await assert.rejects(set(444, { ServerCertificateId: first }), failsWith('ListenerNotFound'));
  });

  test('takes its port whole', async () => {
    await create(443);
    await assert.rejects(create(443), failsWith('ListenerAlreadyExists'));
  });

  test('redirects to an HTTPS listener', async () => {
    const forward = { ListenerForward: 'on', ForwardPort: 443 };
    await assert.rejects(create(8443, forward), failsWith('ens.interface.error'));
    await assert.rejects(create(8443, { ListenerForward: 'on' }), failsWith('MissingForwardPort'));
    await create(443);
    await create(8443, forward);
    const { ListenerForward, ForwardPort } = await describeHttps(8443);
    assert.deepEqual([ListenerForward, ForwardPort], ['on', 443]);
  });

  test('needs for stickiness what its kind needs', async () => {
    const stickyOf = async (port: number) => {
      const stored = await storedLoadBalancer(bench, LoadBalancerId);
      const listener = stored!.listeners.find((each) => each.port === port);
      return (listener as { sticky?: unknown }).sticky;
    };
    await create(1, { Cookie: 'SID', CookieTimeout: 1 });
    assert.equal(await stickyOf(1), undefined);
    await create(2, { StickySessionType: 'insert', CookieTimeout: 86_400 });
    assert.deepEqual(await stickyOf(2), { kind: 'insert', timeoutSeconds: 86_400 });
    await create(3, { StickySessionType: 'server', Cookie: 'JSESSIONID' });
    assert.deepEqual(await stickyOf(3), { kind: 'server', cookie: 'JSESSIONID' });
    const refused = (more: Parameters, code: string) =>
      assert.rejects(create(4, more), failsWith(code));
    await refused({ StickySessionType: 'insert' }, 'MissingCookieTimeout');
    await refused({ StickySessionType: 'server' }, 'MissingCookie');
    await refused({ StickySessionType: 'other' }, 'InvalidStickySessionType');
    await refused({ StickySessionType: 'server', Cookie: 'a b' }, 'InvalidCookie');
    const long = { StickySessionType: 'insert', CookieTimeout: 86_401 };
    await refused(long, 'InvalidCookieTimeout');
  });
});

describe('the certificate of a listener', () => {
  test('must be one of the account, named by its number or its identifier', async () => {
    const unknown = failsWith('InvalidParameter.ServerCertificateId');
    const theirs = await upload({ account: '2000000000000002' });
    for (const id of ['1', theirs, `${theirs}-cn-hangzhou`]) {
      await assert.rejects(create(443, { ServerCertificateId: id }), unknown);
    }
    for (const id of ['x', '0', '../1', `${first}/`]) {
      const invalid = failsWith('InvalidServerCertificateId');
      await assert.rejects(create(443, { ServerCertificateId: id }), invalid);
    }
    await assert.rejects(
      create(443, { ServerCertificateId: '' }),
      failsWith('MissingServerCertificateId'),
    );
    await create(443, { ServerCertificateId: `${first}-cn-hangzhou` });
    assert.equal((await describeHttps(443)).ServerCertificateId, `${first}-cn-hangzhou`);
    await assert.rejects(set(443, { ServerCertificateId: '1' }), unknown);
    await assert.rejects(deleteCertificate(first), failsWith('CertificateInUse'));
  });

  test('cannot be deleted until no listener uses it', async () => {
    await create(443);
    await create(444);
    const inUse = failsWith('CertificateInUse', new RegExp(`${LoadBalancerId} uses it on port`));
    await assert.rejects(deleteCertificate(first), inUse);
    await set(443, { ServerCertificateId: second });
    await assert.rejects(deleteCertificate(first), inUse);
    await run(DeleteLoadBalancerListener, 444);
    await deleteCertificate(first);
    await assert.rejects(deleteCertificate(second), inUse);
    await bench.call(DeleteLoadBalancer, { LoadBalancerId });
    assert.deepEqual(await uses(second), []);
    await deleteCertificate(second);
  });

  test('stays in use through changes of everything else', async () => {
    await create(443);
    const BackendServers = [{ ServerId: 'i-1' }];
    await bench.call(AddBackendServers, { LoadBalancerId, BackendServers });
    await set(443, { Description: 'other' });
    assert.equal((await uses(first)).length, 1);
  });

  test('is neither used nor deleted by a dry run', async () => {
    const extensions = { dryRun: true };
    const wanted = { LoadBalancerId, ListenerPort: 443, HealthCheck: 'off' };
    const parameters = { ...wanted, ServerCertificateId: first };
    await bench.call(CreateLoadBalancerHTTPSListener, parameters, { extensions });
    assert.deepEqual(await uses(first), []);
    await bench.call(DeleteUserCertificate, { CertId: first }, { extensions });
    await create(443);
  });

  test('that is taken while it is being deleted stays', async () => {
    const { store } = bench;
    const range = store.range.bind(store);
    store.range = async (prefix, options) => {
      const found = await range(prefix, options);
      if (prefix !== keys.certificateUses(first)) return found;
      store.range = range;
      await create(443);
      return found;
    };
    await assert.rejects(deleteCertificate(first), failsWith('CertificateInUse'));
    assert.equal((await describeHttps(443)).ServerCertificateId, first);
  });

  test('that is deleted while it is being taken is not taken', async () => {
    const { store } = bench;
    const get = store.get.bind(store);
    store.get = async (key) => {
      const found = await get(key);
      if (key !== keys.certificate(first)) return found;
      store.get = get;
      await deleteCertificate(first);
      return found;
    };
    await assert.rejects(create(443), failsWith('InvalidParameter.ServerCertificateId'));
    await assert.rejects(describeHttps(443), failsWith('ListenerNotFound'));
    assert.deepEqual(await uses(first), []);
  });

  test('is used or deleted, never both, when both are asked for at once', async () => {
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    for (let round = 0; round < 40; round++) {
      const id = await upload();
      const port = 1_000 + (round % 40);
      const late = async () => {
        for (let wait = round % 8; wait > 0; wait--) await turn();
        return deleteCertificate(id);
      };
      const settled = await Promise.allSettled([create(port, { ServerCertificateId: id }), late()]);
      const won = settled.filter(({ status }) => status === 'fulfilled').length;
      assert.equal(won, 1, JSON.stringify(settled));
      const isThere = (await bench.read(keys.certificate(id))) !== undefined;
      assert.equal(isThere, (await uses(id)).length > 0);
    }
  });

  test('may be taken by many listeners at once', async () => {
    await Promise.all([1, 2, 3, 4, 5, 6].map((port) => create(port)));
    assert.equal((await uses(first)).length, 6);
  });

  test('shows in no audit record of its listener', async () => {
    await create(443);
    await set(443, { ServerCertificateId: second });
    const { entries } = await bench.store.range('audit/');
    const own = entries.filter(({ value }) => value.includes('HTTPSListener'));
    assert.ok(own.length >= 2);
    for (const { value } of own) assert.doesNotMatch(value, /BEGIN|"certificate\//);
  });
});
