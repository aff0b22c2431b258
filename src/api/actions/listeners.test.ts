import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import {
  type Bench,
  createLoadBalancer,
  failsWith,
  forwarder,
  furnish,
  openBench,
  putCertificate,
  storedLoadBalancer,
} from '../../../test/support/call.ts';
import { limits } from '../../limits.ts';
import { keys } from '../../store/keys.ts';
import type { Action } from './action.ts';
import { AddBackendServers } from './backend-servers.ts';
import {
  CreateLoadBalancerHTTPListener,
  DescribeLoadBalancerHTTPListenerAttribute,
  SetLoadBalancerHTTPListenerAttribute,
} from './http-listeners.ts';
import { CreateLoadBalancerHTTPSListener } from './https-listeners.ts';
import {
  DeleteLoadBalancerHTTPListener,
  DeleteLoadBalancerListener,
  DescribeLoadBalancerListeners,
  StartLoadBalancerListener,
  StopLoadBalancerListener,
} from './listeners.ts';
import { SetLoadBalancerStatus } from './load-balancers.ts';
import {
  CreateLoadBalancerTCPListener,
  DescribeLoadBalancerTCPListenerAttribute,
  SetLoadBalancerTCPListenerAttribute,
} from './tcp-listeners.ts';

let bench: Bench;
let LoadBalancerId: string;

before(async () => {
  bench = await openBench();
  await furnish(bench);
});
after(() => bench.close());
beforeEach(async () => {
  bench.forwarders.length = 0;
  LoadBalancerId = await createLoadBalancer(bench);
});

type Parameters = Readonly<Record<string, unknown>>;

const run = async (action: Action, ListenerPort: number, more: Parameters = {}) =>
  (await bench.call(action, { LoadBalancerId, ListenerPort, ...more })).output;
const createTcp = (port: number, more?: Parameters) =>
  run(CreateLoadBalancerTCPListener, port, more);
const setTcp = (port: number, more?: Parameters) =>
  run(SetLoadBalancerTCPListenerAttribute, port, more);
const describeTcp = (port: number) => run(DescribeLoadBalancerTCPListenerAttribute, port);
const createHttp = (port: number, more?: Parameters) =>
  run(CreateLoadBalancerHTTPListener, port, { HealthCheck: 'on', ...more });
const createHttps = async (port: number) =>
  run(CreateLoadBalancerHTTPSListener, port, {
    HealthCheck: 'on',
    ServerCertificateId: await putCertificate(bench),
  });
const setHttp = (port: number, more?: Parameters) =>
  run(SetLoadBalancerHTTPListenerAttribute, port, more);
const describeHttp = (port: number) => run(DescribeLoadBalancerHTTPListenerAttribute, port);
const start = (port: number) => run(StartLoadBalancerListener, port);
const stop = (port: number) => run(StopLoadBalancerListener, port);

describe('a TCP listener', () => {
  test('is made stopped, with the documented defaults', async () => {
    assert.deepEqual(await createTcp(80), {});
    assert.deepEqual(await describeTcp(80), {
      ListenerPort: 80,
      BackendServerPort: 0,
      Bandwidth: -1,
      EipTransmit: 'off',
      EstablishedTimeout: 900,
      PersistenceTimeout: 0,
      Scheduler: 'wrr',
      Status: 'Stopped',
      HealthCheck: 'on',
      HealthCheckType: 'tcp',
      HealthCheckConnectPort: 0,
      HealthCheckConnectTimeout: 5,
      HealthCheckInterval: 2,
      HealthyThreshold: 3,
      UnhealthyThreshold: 3,
    });
  });

  const full = {
    BackendServerPort: 8080,
    Description: 'k8s/80/服务/namespace/cluster',
    EipTransmit: 'on',
    EstablishedTimeout: 10,
    PersistenceTimeout: 3600,
    Scheduler: 'tch',
    HealthCheckType: 'http',
    HealthCheckConnectPort: 8081,
    HealthCheckConnectTimeout: 300,
    HealthCheckDomain: 'www.example.com',
    HealthCheckHttpCode: 'http_2xx,http_3xx',
    HealthCheckInterval: 50,
    HealthCheckURI: '/check?a=1&b=%20',
    HealthyThreshold: 2,
    UnhealthyThreshold: 10,
  };
  const shown = { ...full, ListenerPort: 80, Bandwidth: -1, Status: 'Stopped', HealthCheck: 'on' };

  test('shows what was asked for', async () => {
    await createTcp(80, full);
    assert.deepEqual(await describeTcp(80), shown);
  });

  test('Set changes what it names and keeps what is left out', async () => {
    await createTcp(80, full);
    await setTcp(80, { Scheduler: 'rr', EipTransmit: 'off', HealthCheckDomain: '' });
    assert.deepEqual(await describeTcp(80), { ...shown, Scheduler: 'rr', EipTransmit: 'off' });
    const { BackendServerPort: _, ...settable } = full;
    await createTcp(81);
    await setTcp(81, settable);
    assert.deepEqual(await describeTcp(81), { ...shown, ListenerPort: 81, BackendServerPort: 0 });
  });

  test('an empty Description clears it in a Set, EstablishedTimeout 0 keeps that', async () => {
    await createTcp(80, full);
    await setTcp(80, { Description: '', EstablishedTimeout: 0 });
    const { Description: _, ...rest } = shown;
    assert.deepEqual(await describeTcp(80), rest);
    await assert.rejects(
      createTcp(81, { EstablishedTimeout: 0 }),
      failsWith('InvalidEstablishedTimeout'),
    );
  });

  test('BackendServerPort 0 is the port of the listener, and is shown as given', async () => {
    await createTcp(80, { BackendServerPort: 0 });
    assert.equal((await describeTcp(80)).BackendServerPort, 0);
    const stored = await storedLoadBalancer(bench, LoadBalancerId);
    assert.equal(stored?.listeners[0]?.backendPort, undefined);
    const { output } = await bench.call(DescribeLoadBalancerListeners, { LoadBalancerId });
    assert.equal(output.Listeners.Listener[0].BackendServerPort, 0);
  });

  test('takes every scheduler that any client knows', async () => {
    for (const [index, Scheduler] of 'wrr wlc rr sch tch qch iqch'.split(' ').entries()) {
      await createTcp(100 + index, { Scheduler });
      assert.equal((await describeTcp(100 + index)).Scheduler, Scheduler);
    }
  });

  test('what an HTTP probe uses is shown where set, its code where one is made', async () => {
    await createTcp(80, { HealthCheckDomain: 'www.example.com' });
    const { HealthCheckDomain, HealthCheckHttpCode } = await describeTcp(80);
    assert.deepEqual([HealthCheckDomain, HealthCheckHttpCode], ['www.example.com', undefined]);
    await createTcp(81, { HealthCheckType: 'http' });
    assert.equal((await describeTcp(81)).HealthCheckHttpCode, 'http_2xx');
  });

  test('refuses what is out of range, and ignores what it does not know', async () => {
    for (const [name, ...values] of [
      ['ListenerPort', 0, 65_536, 'http'],
      ['BackendServerPort', -1, 65_536],
      ['EstablishedTimeout', 9, 901],
      ['PersistenceTimeout', -1, 3601],
      ['Scheduler', 'WRR', 'random'],
      ['EipTransmit', 'true'],
      ['HealthCheckType', 'udp'],
      ['HealthCheckConnectPort', 0],
      ['HealthCheckConnectTimeout', 0, 301],
      ['HealthCheckInterval', 0, 51],
      ['HealthyThreshold', 1, 11],
      ['UnhealthyThreshold', 1, 11],
      ['HealthCheckHttpCode', 'http_1xx', 'http_2xx,', '200'],
      ['Description', 'http://x', 'x'.repeat(81)],
    ] as const) {
      for (const value of values) {
        await assert.rejects(createTcp(80, { [name]: value }), failsWith(`Invalid${name}`));
      }
    }
    await createTcp(80, { ClientToken: 'TF-1', Unheard: 'of' });
  });
});

test('no text that could end a token or a line reaches a probe', async () => {
  const texts = [' ', '\n', '\r', '\t', '\0', '"', "'", '\\', ';', '#', '{', '}', '`', '<', 'é'];
  const both = (probe: object) => [
    createTcp(80, { HealthCheckType: 'http', ...probe }),
    createHttp(81, { ...probe }),
  ];
  for (const text of texts) {
    for (const refused of both({ HealthCheckURI: `/a${text}b` })) {
      await assert.rejects(refused, failsWith('InvalidHealthCheckURI'), JSON.stringify(text));
    }
  }
  for (const text of [...texts, '/', ':', '$', '%', '_']) {
    for (const refused of both({ HealthCheckDomain: `a${text}b` })) {
      await assert.rejects(refused, failsWith('InvalidHealthCheckDomain'), JSON.stringify(text));
    }
  }
  for (const uri of ['check', '/', '///', `/${'x'.repeat(80)}`]) {
    await assert.rejects(
      createTcp(80, { HealthCheckURI: uri }),
      failsWith('InvalidHealthCheckURI'),
    );
  }
});

describe('an HTTP listener', () => {
  test('is made stopped, with the documented defaults', async () => {
    assert.deepEqual(await createHttp(80), {});
    assert.deepEqual(await describeHttp(80), {
      ListenerPort: 80,
      BackendServerPort: 0,
      Bandwidth: -1,
      IdleTimeout: 15,
      RequestTimeout: 60,
      XForwardedFor: 'off',
      ListenerForward: 'off',
      ServerCertificateId: '',
      Scheduler: 'wrr',
      Status: 'stopped',
      HealthCheck: 'on',
      HealthCheckMethod: 'head',
      HealthCheckTimeout: 5,
      HealthCheckConnectPort: 0,
      HealthCheckHttpCode: 'http_2xx',
      HealthCheckInterval: 2,
      HealthyThreshold: 3,
      UnhealthyThreshold: 3,
    });
  });

  test('Set changes what it names and keeps what is left out', async () => {
    const full = {
      Description: 'front',
      IdleTimeout: 60,
      RequestTimeout: 180,
      XForwardedFor: 'on',
      Scheduler: 'sch',
      HealthCheckMethod: 'get',
      HealthCheckTimeout: 7,
      HealthCheckConnectPort: 81,
      HealthCheckDomain: 'www.example.com',
      HealthCheckHttpCode: 'http_5xx',
      HealthCheckInterval: 3,
      HealthCheckURI: '/x',
      HealthyThreshold: 4,
      UnhealthyThreshold: 5,
    };
    await createHttp(80, { BackendServerPort: 8080 });
    await setHttp(80, full);
    const shown = await describeHttp(80);
    for (const [name, value] of Object.entries(full)) assert.equal(shown[name], value, name);
    assert.equal(shown.BackendServerPort, 8080);
    await setHttp(80, { XForwardedFor: 'off' });
    assert.deepEqual(await describeHttp(80), { ...shown, XForwardedFor: 'off' });
  });

  test('needs the health check switch; off hides the probe but for its port', async () => {
    await assert.rejects(createHttp(80, { HealthCheck: '' }), failsWith('MissingHealthCheck'));
    await createHttp(80, { HealthCheck: 'off', HealthCheckInterval: 7 });
    const hidden = await describeHttp(80);
    assert.deepEqual(
      Object.keys(hidden)
        .filter((name) => /^Health|^Unhealthy/.test(name))
        .toSorted(),
      ['HealthCheck', 'HealthCheckConnectPort'],
    );
    await setHttp(80, { HealthCheck: 'on' });
    assert.equal((await describeHttp(80)).HealthCheckInterval, 7);
  });

  test('redirects to an HTTPS listener, which stays while it is redirected to', async () => {
    const forward = { ListenerForward: 'on', ForwardPort: 443 };
    await assert.rejects(
      createHttp(80, { ListenerForward: 'on' }),
      failsWith('MissingForwardPort'),
    );
    await assert.rejects(createHttp(80, forward), failsWith('ens.interface.error', /port 443/));
    await createTcp(443);
    const notHttps = failsWith('InvalidParameter.ForwardPort', /443.*tcp/);
    await assert.rejects(createHttp(80, forward), notHttps);
    await run(DeleteLoadBalancerListener, 443);
    await createHttps(443);
    await createHttp(80, forward);
    const { ListenerForward, ForwardPort } = await describeHttp(80);
    assert.deepEqual([ListenerForward, ForwardPort], ['on', 443]);
    const needed = failsWith('IncorrectListenerStatus', /http:80 redirects to it/);
    await assert.rejects(run(DeleteLoadBalancerListener, 443), needed);
    await run(DeleteLoadBalancerHTTPListener, 80);
    await run(DeleteLoadBalancerListener, 443);
  });

  test('refuses what is out of range', async () => {
    for (const [name, ...values] of [
      ['IdleTimeout', 0, 61],
      ['RequestTimeout', 0, 181],
      ['XForwardedFor', 'yes'],
      ['Scheduler', 'tch'],
      ['HealthCheck', 'true'],
      ['HealthCheckMethod', 'post'],
      ['HealthCheckTimeout', 0, 301],
      ['ListenerForward', 'true'],
      ['ForwardPort', 0],
    ] as const) {
      for (const value of values) {
        await assert.rejects(createHttp(80, { [name]: value }), failsWith(`Invalid${name}`));
      }
    }
  });
});

describe('a port', () => {
  test('that is taken is refused', async () => {
    await createTcp(80);
    await assert.rejects(createTcp(80), failsWith('ListenerAlreadyExists'));
    await assert.rejects(createHttp(80), failsWith('ListenerAlreadyExists'));
  });

  test('is free again once its listener is deleted', async () => {
    await createTcp(80);
    await start(80);
    await run(DeleteLoadBalancerListener, 80);
    await createHttp(80);
    await run(DeleteLoadBalancerHTTPListener, 80);
    await createTcp(80);
    const gone = failsWith('ListenerNotFound');
    await assert.rejects(run(DeleteLoadBalancerHTTPListener, 80), gone);
    await assert.rejects(run(DeleteLoadBalancerListener, 80, { ListenerProtocol: 'udp' }), gone);
    await run(DeleteLoadBalancerListener, 80, { ListenerProtocol: 'tcp' });
  });

  test('that TCP and UDP share needs a protocol to start, stop or delete one of them', async () => {
    bench.forwarders.push(forwarder());
    await createTcp(53);
    const stored = await storedLoadBalancer(bench, LoadBalancerId);
    const [tcp] = stored!.listeners;
    const listeners = [tcp!, { ...tcp!, protocol: 'udp' }];
    await bench.put(keys.loadBalancer('local', LoadBalancerId), { ...stored, listeners });
    for (const action of [StartLoadBalancerListener, StopLoadBalancerListener]) {
      await assert.rejects(run(action, 53), failsWith('TooManyListeners'));
      await run(action, 53, { ListenerProtocol: 'udp' });
    }
    await assert.rejects(run(DeleteLoadBalancerListener, 53), failsWith('TooManyListeners'));
    await run(DeleteLoadBalancerListener, 53, { ListenerProtocol: 'udp' });
    await run(StartLoadBalancerListener, 53);
    assert.equal((await describeTcp(53)).Status, 'Running');
  });

  test('more than a load balancer may have are refused', async () => {
    for (let port = 1; port <= limits.listenersPerLoadBalancer; port++) await createTcp(port);
    await assert.rejects(createTcp(1000), failsWith('ens.interface.error', /at most/));
  });
});

test('who asks for a listener that is gone reads NotFound in the text', async () => {
  await assert.rejects(describeTcp(80), failsWith('ListenerNotFound', /NotFound/));
  await createTcp(80);
  await assert.rejects(describeHttp(80), failsWith('ListenerNotFound', /NotFound/));
  const remove = (port: number) => run(DeleteLoadBalancerListener, port);
  const removeHttp = (port: number) => run(DeleteLoadBalancerHTTPListener, port);
  for (const action of [start, stop, setTcp, setHttp, remove, removeHttp]) {
    await assert.rejects(action(81), failsWith('ListenerNotFound', /found\. ListenerNotFound /));
  }
  LoadBalancerId = 'lb-unknown';
  const text = /loadBalancerId that is not found.*NotFound/;
  await assert.rejects(describeTcp(80), failsWith('LoadBalancerNotFound', text));
  await assert.rejects(start(80), failsWith('LoadBalancerNotFound', /loadBalancerId/));
});

describe('the status of a listener', () => {
  beforeEach(async () => {
    await createTcp(80);
    await createHttp(81);
    bench.forwarders.push(forwarder());
  });
  const statuses = async () => [(await describeTcp(80)).Status, (await describeHttp(81)).Status];

  test('is capital for TCP, lower case for HTTP; start and stop may be repeated', async () => {
    for (const action of [start, start]) {
      await action(80);
      await action(81);
      assert.deepEqual(await statuses(), ['Running', 'running']);
    }
    for (const action of [stop, stop]) {
      await action(80);
      await action(81);
      assert.deepEqual(await statuses(), ['Stopped', 'stopped']);
    }
  });

  test('is Starting until one live forwarder has brought it up', async () => {
    await start(80);
    bench.forwarders.splice(0);
    assert.deepEqual(await statuses(), ['Starting', 'stopped']);
    bench.forwarders.push(forwarder({ revision: 1 }), forwarder({ name: 'b', revision: 1 }));
    assert.deepEqual(await statuses(), ['Starting', 'stopped']);
    bench.forwarders[1] = forwarder({ name: 'b' });
    assert.deepEqual(await statuses(), ['Running', 'stopped']);
  });

  test('stays Starting while every live forwarder says that it failed', async () => {
    await start(80);
    await start(81);
    const failing = (listener?: string) => [
      { loadBalancerId: LoadBalancerId, reason: 'address in use', ...(listener && { listener }) },
    ];
    bench.forwarders[0] = forwarder({ failures: failing('tcp:80') });
    assert.deepEqual(await statuses(), ['Starting', 'running']);
    bench.forwarders[0] = forwarder({ failures: failing() });
    assert.deepEqual(await statuses(), ['Starting', 'starting']);
    bench.forwarders[0] = forwarder({ failures: [{ loadBalancerId: '*', reason: 'no engine' }] });
    bench.forwarders[1] = forwarder({ name: 'b', revision: 1 });
    assert.deepEqual(await statuses(), ['Starting', 'starting']);
  });

  test('is Stopped while the load balancer is switched off, and as before afterwards', async () => {
    await start(80);
    const set = (LoadBalancerStatus: string) =>
      bench.call(SetLoadBalancerStatus, { LoadBalancerId, LoadBalancerStatus });
    await set('InActive');
    assert.deepEqual(await statuses(), ['Stopped', 'stopped']);
    await set('Active');
    assert.deepEqual(await statuses(), ['Running', 'stopped']);
  });
});

describe('DescribeLoadBalancerListeners', () => {
  const list = async (more: Parameters = {}) =>
    (await bench.call(DescribeLoadBalancerListeners, { LoadBalancerId, ...more })).output;

  test('lists front-end ports as texts, status and protocol in lower case', async () => {
    const CreateTime = new Date(bench.clock.now).toISOString().replace('.000Z', 'Z');
    bench.forwarders.push(forwarder());
    await createHttps(443);
    await createHttp(80, { ListenerForward: 'on', ForwardPort: 443, Description: 'front' });
    await start(443);
    assert.deepEqual(await list(), {
      Listeners: {
        Listener: [
          {
            LoadBalancerId,
            ListenerPort: '443',
            Protocol: 'https',
            Status: 'running',
            BackendServerPort: 0,
            CreateTime,
            ListenerForward: 'off',
          },
          {
            LoadBalancerId,
            ListenerPort: '80',
            Protocol: 'http',
            Status: 'stopped',
            BackendServerPort: 0,
            CreateTime,
            Description: 'front',
            ListenerForward: 'on',
            ForwardPort: '443',
          },
        ],
      },
      PageNumber: 1,
      PageSize: limits.listenersPerLoadBalancer,
      TotalCount: 2,
    });
  });

  test('filters and pages', async () => {
    for (const port of [1, 2, 3]) await createTcp(port, { Description: `port ${port}` });
    const ports = async (more: Parameters) =>
      (await list(more)).Listeners.Listener.map((each: { ListenerPort: string }) =>
        Number(each.ListenerPort),
      );
    assert.deepEqual(await ports({ ListenerPort: 2 }), [2]);
    assert.deepEqual(await ports({ Description: 'port 3' }), [3]);
    assert.deepEqual(await ports({ PageNumber: 2, PageSize: 2 }), [3]);
  });

  test('an unknown load balancer is not found', async () => {
    LoadBalancerId = 'lb-unknown';
    await assert.rejects(list(), failsWith('LoadBalancerNotFound', /loadBalancerId/));
  });
});

test('changes of listeners and of servers at once are all kept', async () => {
  await Promise.all([
    ...[1, 2, 3, 4, 5].map((port) => createTcp(port)),
    ...['i-1', 'i-2', 'i-3'].map((ServerId) =>
      bench.call(AddBackendServers, { LoadBalancerId, BackendServers: [{ ServerId }] }),
    ),
  ]);
  const { output } = await bench.call(DescribeLoadBalancerListeners, { LoadBalancerId });
  assert.equal(output.TotalCount, 5);
});
