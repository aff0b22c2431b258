import assert from 'node:assert/strict';
import { globSync, readdirSync, readFileSync, statSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type net from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import tls from 'node:tls';
import type { BackendServer } from '../../src/elb/types.ts';
import { RuntimeSocket } from '../../src/forwarder/haproxy/runtime.ts';
import { startHttpServer } from '../support/backends.ts';
import { makeCertificate } from '../support/certificates.ts';
import {
  attached,
  balancer,
  type EngineUnderTest,
  http as httpListener,
  https as httpsListener,
  openEngine,
} from '../support/haproxy.ts';
import { type Load, startHttp2Load, startHttpLoad } from '../support/load.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/wait.ts';

const host = '127.0.0.1';
const root = makeCertificate({ name: 'root.test', isAuthority: true });
const authority = makeCertificate({ name: 'authority.test', isAuthority: true, issuer: root });
/** With its issuers behind it. */
const one = makeCertificate({ name: 'one.test', issuer: authority });
const two = makeCertificate({ name: 'two.test' });

/** An engine that certificates 1 and 2 have come to. */
async function withCertificates(t: TestContext): Promise<EngineUnderTest> {
  const under = await openEngine(t);
  under.certificates.set('1', one).set('2', two);
  return under;
}

/** HTTP servers that answer their names. */
async function servers(t: TestContext, ...names: string[]) {
  const started = await Promise.all(names.map((name) => startHttpServer(name)));
  t.after(() => Promise.all(started.map((server) => server.close())));
  return started;
}

/** What a handshake came to. */
interface Handshake {
  readonly version: string | null;
  readonly alpn: string | false | null;
  readonly name: string;
  /** By who trusts the root alone. */
  readonly authorized: boolean;
}

function shake(port: number, options: tls.ConnectionOptions = {}) {
  return new Promise<Handshake>((resolve, reject) => {
    const socket = tls.connect(
      { host, port, ca: root.cert, rejectUnauthorized: false, ...options },
      () => {
        const [version, alpn] = [socket.getProtocol(), socket.alpnProtocol];
        const name = String(socket.getPeerCertificate().subject.CN);
        const { authorized } = socket;
        socket.destroy();
        resolve({ version, alpn, name, authorized });
      },
    );
    socket.on('error', reject);
  });
}

test('clients speak TLS 1.2 and 1.3, nothing older, and HTTP/2 where they can', async (t) => {
  const { engine } = await withCertificates(t);
  const port = await freePort(host);
  const wanted = balancer('lb-1', { listeners: [httpsListener(port)] });
  assert.deepEqual(await engine.apply(wanted), []);
  const only = (version: tls.SecureVersion) => ({ minVersion: version, maxVersion: version });
  const old = { ciphers: 'ALL:@SECLEVEL=0' };
  for (const version of ['TLSv1', 'TLSv1.1'] as const) {
    await assert.rejects(shake(port, { ...only(version), ...old }), /protocol version|alert/);
  }
  assert.equal((await shake(port, only('TLSv1.2'))).version, 'TLSv1.2');
  assert.equal((await shake(port, only('TLSv1.3'))).version, 'TLSv1.3');
  // Neither without forward secrecy, nor without authenticated encryption.
  for (const ciphers of ['AES256-GCM-SHA384', 'ECDHE-ECDSA-AES256-SHA384']) {
    await assert.rejects(shake(port, { ...only('TLSv1.2'), ciphers }), /handshake failure|alert/);
  }
  const alpn = async (...ALPNProtocols: string[]) => (await shake(port, { ALPNProtocols })).alpn;
  assert.equal(await alpn('h2', 'http/1.1'), 'h2');
  assert.equal(await alpn('http/1.1'), 'http/1.1');
});

/** A server that sets a cookie of its own. */
async function cookieServer(t: TestContext, name: string): Promise<BackendServer[]> {
  const server = http.createServer((request, response) => {
    response.setHeader('set-cookie', `APPID=${name}-session`);
    response.end(`${name} ${request.headers.cookie ?? ''}`);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as net.AddressInfo;
  return attached([{ name, ip: host, port }]);
}

interface Visit {
  readonly server: string;
  /** As the server saw them. */
  readonly cookies: string;
  /** What the client was told to keep, as `name=value`. */
  readonly set: readonly string[];
}

function visit(port: number, cookie?: string): Promise<Visit> {
  const headers = cookie === undefined ? {} : { cookie };
  return new Promise((resolve, reject) => {
    https
      .get({ host, port, headers, agent: false, rejectUnauthorized: false }, (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => {
          const [server = '', ...rest] = body.split(' ');
          const set = (response.headers['set-cookie'] ?? []).map((each) => each.split(';')[0]!);
          resolve({ server, cookies: rest.join(' '), set });
        });
      })
      .on('error', reject);
  });
}

/** All visits with this cookie go to one server. @returns its name */
async function home(port: number, cookie: string): Promise<string> {
  const names = new Set<string>();
  for (let count = 0; count < 6; count++) names.add((await visit(port, cookie)).server);
  assert.equal(names.size, 1, [...names].join());
  return [...names][0]!;
}

for (const [kind, sticky, name] of [
  ['insert', { kind: 'insert', timeoutSeconds: 600 }, 'SERVERID'],
  ['server', { kind: 'server', cookie: 'APPID' }, 'APPID'],
] as const) {
  test(`sticky sessions (${kind}): a client stays until its server rests or goes`, async (t) => {
    const { engine } = await withCertificates(t);
    const port = await freePort(host);
    const all = [await cookieServer(t, 'a'), await cookieServer(t, 'b')].flat();
    const listeners = [httpsListener(port, { sticky })];
    const apply = async (backends: readonly BackendServer[], more = {}) =>
      assert.deepEqual(await engine.apply(balancer('lb-1', { listeners, backends, ...more })), []);
    await apply([]);
    // They come while HAProxy runs, as most servers do.
    await apply(all);
    const first = await visit(port);
    const cookie = first.set.find((each) => each.startsWith(`${name}=`))!;
    assert.equal(await home(port, cookie), first.server);
    const seen = await visit(port, cookie);
    assert.equal(seen.cookies, kind === 'insert' ? '' : `APPID=${first.server}-session`);
    // A reload, of another load balancer's making, moves nobody.
    const other = balancer('lb-2', { listeners: [httpListener(await freePort(host))] });
    assert.deepEqual(await engine.apply(other), []);
    assert.equal(await home(port, cookie), first.server);
    const [own, rest] = [true, false].map((is) =>
      all.filter(({ serverId }) => (serverId === first.server) === is),
    );
    await apply([...own!.map((server) => ({ ...server, weight: 0 })), ...rest!]);
    assert.equal(await home(port, cookie), rest![0]!.serverId);
    await apply(all);
    assert.equal(await home(port, cookie), first.server);
    const draining = own!.map((server) => ({ ...server, deadline: Date.now() + 60_000 }));
    await apply(rest!, { draining });
    assert.equal(await home(port, cookie), rest![0]!.serverId);
  });
}

/** Waits until each load has had `count` more answers than it had. */
function more(loads: readonly Load[], had: readonly number[], count: number) {
  const enough = () => loads.every((load, at) => load.observations.length > had[at]! + count);
  return until(enough, { what: `${count} more answers` });
}

test('a removed server gets nothing more, and no client in HTTP/1.1 or 2 sees it', async (t) => {
  const { engine } = await withCertificates(t);
  const [a, b] = await servers(t, 'a', 'b');
  const port = await freePort(host);
  const listeners = [httpsListener(port)];
  const both = attached([a!, b!]);
  await engine.apply(balancer('lb-1', { listeners, backends: both }));
  const target = { host, port, clients: 4, tls: true };
  const loads = [startHttpLoad({ ...target, keepAlive: true }), startHttp2Load(target)];
  t.after(() => Promise.all(loads.map((load) => load.stop())));
  for (let round = 0; round < 5; round++) {
    const from = performance.now();
    await until(
      () =>
        loads.every(({ observations }) =>
          observations.some(({ begun, server }) => begun > from && server === 'a'),
        ),
      { what: 'answers of a' },
    );
    const draining = both.slice(0, 1).map((each) => ({ ...each, deadline: Date.now() + 30_000 }));
    const wanted = balancer('lb-1', { listeners, backends: both.slice(1), draining });
    assert.deepEqual(await engine.apply(wanted), []);
    const removed = performance.now();
    const before = loads.map((load) => load.observations.length);
    await more(loads, before, 50);
    const late = loads.flatMap((load) =>
      load.observations.filter(({ begun, server }) => begun > removed && server === 'a'),
    );
    assert.deepEqual(late, []);
    assert.deepEqual(await engine.apply(balancer('lb-1', { listeners, backends: both })), []);
  }
  await Promise.all(loads.map((load) => load.stop()));
  assert.deepEqual(
    loads.flatMap(({ failures }) => failures),
    [],
  );
});

test('another certificate is shown at once, no reload and no handshake lost', async (t) => {
  const under = await withCertificates(t);
  const { engine } = under;
  const [a] = await servers(t, 'a');
  const port = await freePort(host);
  const apply = async (certificateId: string) => {
    const listeners = [httpsListener(port, { certificateId })];
    return engine.apply(balancer('lb-1', { listeners, backends: attached([a!]) }));
  };
  assert.deepEqual(await apply('1'), []);
  assert.equal((await shake(port)).name, 'one.test');
  assert.ok((await shake(port)).authorized, 'its issuers come along');
  const { current, reloads } = await under.processes();
  const load = startHttpLoad({ host, port, clients: 4, tls: true, keepAlive: false });
  t.after(() => load.stop());
  for (const [id, name] of [
    ['2', 'two.test'],
    ['1', 'one.test'],
    ['2', 'two.test'],
  ] as const) {
    const before = load.observations.length;
    assert.deepEqual(await apply(id), []);
    assert.equal((await shake(port)).name, name);
    assert.equal((await shake(port)).authorized, id === '1');
    await more([load], [before], 20);
  }
  await load.stop();
  assert.deepEqual(load.failures, []);
  const after = await under.processes();
  assert.deepEqual([after.current, after.reloads], [current, reloads]);
  // The file has it too: a HAProxy that starts anew shows the same.
  assert.deepEqual(readdirSync(join(under.folder, 'certificates')), [`lb-1.https-${port}.pem`]);
  const file = join(under.folder, 'certificates', `lb-1.https-${port}.pem`);
  assert.equal(readFileSync(file, 'utf8'), `${two.cert}${two.key}`);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal((await under.engine.apply(balancer('lb-1', {}))).length, 0);
  assert.deepEqual(readdirSync(join(under.folder, 'certificates')), []);
});

test('reloads lose no request of clients in HTTP/1.1 and 2', async (t) => {
  const { engine } = await withCertificates(t);
  const [a, b] = await servers(t, 'a', 'b');
  const port = await freePort(host);
  const backends = attached([a!, b!]);
  await engine.apply(balancer('lb-1', { listeners: [httpsListener(port)], backends }));
  const target = { host, port, clients: 4, tls: true };
  const loads = [
    startHttpLoad({ ...target, keepAlive: true }),
    startHttpLoad({ ...target, keepAlive: false }),
    startHttp2Load(target),
  ];
  t.after(() => Promise.all(loads.map((load) => load.stop())));
  for (let round = 0; round < 5; round++) {
    const before = loads.map((load) => load.observations.length);
    const listeners = [httpsListener(port, { idleTimeoutSeconds: 15 + round })];
    assert.deepEqual(await engine.apply(balancer('lb-1', { listeners, backends })), []);
    await more(loads, before, 20);
  }
  await Promise.all(loads.map((load) => load.stop()));
  assert.deepEqual(
    loads.flatMap(({ failures }) => failures),
    [],
  );
});

test('a certificate replaced in the midst of reloads is the one that is shown', async (t) => {
  const { engine } = await withCertificates(t);
  const [a] = await servers(t, 'a');
  const ports = [await freePort(host), await freePort(host)] as const;
  const apply = (certificateId: string) => {
    const listeners = [httpsListener(ports[0], { certificateId })];
    return engine.apply(balancer('lb-1', { listeners, backends: attached([a!]) }));
  };
  await apply('1');
  const load = startHttpLoad({ host, port: ports[0], clients: 2, tls: true, keepAlive: false });
  t.after(() => load.stop());
  let reloading = true;
  const reloads = (async () => {
    for (let round = 0; reloading; round++) {
      const listeners = [httpListener(ports[1], { idleTimeoutSeconds: 1 + (round % 60) })];
      assert.deepEqual(await engine.apply(balancer('lb-2', { listeners })), []);
    }
  })();
  for (let round = 0; round < 15; round++) {
    const [id, name] =
      round % 2 === 0 ? (['2', 'two.test'] as const) : (['1', 'one.test'] as const);
    assert.deepEqual(await apply(id), []);
    assert.equal((await shake(ports[0])).name, name);
  }
  reloading = false;
  await reloads;
  await load.stop();
  assert.deepEqual(load.failures, []);
});

test('a certificate that has not come keeps its listener alone from coming up', async (t) => {
  const { engine, certificates } = await withCertificates(t);
  const ports = [await freePort(host), await freePort(host)] as const;
  const listeners = [httpsListener(ports[0], { certificateId: '3' }), httpsListener(ports[1])];
  const wanted = balancer('lb-1', { listeners });
  assert.deepEqual(await engine.apply(wanted), [
    {
      loadBalancerId: 'lb-1',
      listener: `https:${ports[0]}`,
      reason: 'certificate 3 has not come',
      inert: true,
    },
  ]);
  assert.equal((await shake(ports[1])).name, 'one.test');
  certificates.set('3', two);
  assert.deepEqual(await engine.apply(wanted), []);
  assert.equal((await shake(ports[0])).name, 'two.test');
});

test('an agent that cannot open a key any more goes on with the one on disk', async (t) => {
  const under = await withCertificates(t);
  const port = await freePort(host);
  const wanted = balancer('lb-1', { listeners: [httpsListener(port)] });
  assert.deepEqual(await under.engine.apply(wanted), []);
  await under.engine.close({ stopTraffic: false });
  under.certificates.set('1', { cert: one.cert, key: undefined });
  const next = await under.again();
  assert.deepEqual(await next.apply(wanted), []);
  assert.equal((await shake(port)).name, 'one.test');
});

test('a transaction that an earlier life left open is in no way', async (t) => {
  const under = await withCertificates(t);
  const [port, other] = [await freePort(host), await freePort(host)];
  const apply = (certificateId: string) =>
    under.engine.apply(
      balancer('lb-1', {
        listeners: [httpsListener(port, { certificateId }), httpsListener(other)],
      }),
    );
  assert.deepEqual(await apply('1'), []);
  const path = join(under.folder, 'certificates', `lb-1.https-${other}.pem`);
  const [socket = ''] = globSync(join(under.folder, 'worker-*.sock'));
  await new RuntimeSocket(socket).give(`set ssl cert ${path}`, `${two.cert}${two.key}`);
  assert.deepEqual(await apply('2'), []);
  assert.equal((await shake(port)).name, 'two.test');
  assert.equal((await shake(other)).name, 'one.test');
});
