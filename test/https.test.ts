import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import tls from 'node:tls';
import type { RpcClient } from '../src/client.ts';
import { startHttpServer } from './support/backends.ts';
import { makeCertificate, type TestCertificate } from './support/certificates.ts';
import { get, startHttpLoad } from './support/load.ts';
import { buildScene, type Scene } from './support/scene.ts';
import { startForwarderProcess, startSluice } from './support/sluice.ts';
import { until } from './support/wait.ts';

/** HTTPS from a signed call to a handshake, across processes. */

const [one, two] = [makeCertificate({ name: 'one.test' }), makeCertificate({ name: 'two.test' })];
const cleanups: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

async function upload(client: RpcClient, { cert, key }: TestCertificate): Promise<string> {
  const { body } = await client.call('Cas', 'UploadUserCertificate', { Cert: cert, Key: key });
  return String((body as { CertId: number }).CertId);
}

/** The name in the certificate that a handshake shows. */
function shown({ address: host, ports: [port] }: Scene): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host, port: port!, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

/** Files of a folder, however deep, that hold a part of a private key. */
async function filesWith(folder: string, { key }: TestCertificate): Promise<string[]> {
  const part = key.split('\n')[1]!;
  const found: string[] = [];
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name);
    const content = await readFile(path).catch(() => Buffer.of());
    if (content.includes(part)) found.push(path);
  }
  return found;
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sluice-https-'));
  cleanups.push(() => rm(path, { recursive: true, force: true }));
  return path;
}

test('a certificate is served when its 200 has come, and its key is nowhere else', async () => {
  const sluice = await startSluice({ dataFolder: await folder() });
  cleanups.push(() => sluice.stop());
  const { client } = sluice;
  const backend = await startHttpServer('a');
  cleanups.push(() => backend.close());
  const ids = [await upload(client, one), await upload(client, two)] as const;
  const parameters = { ServerCertificateId: ids[0] };
  const scene = await buildScene(client, [backend], [{ protocol: 'HTTPS', parameters }]);
  const [ListenerPort] = scene.ports;
  assert.equal(await shown(scene), 'one.test');
  const target = { host: scene.address, port: ListenerPort! };
  const load = startHttpLoad({ ...target, clients: 3, keepAlive: false, tls: true });
  for (const [id, name] of [
    [ids[1], 'two.test'],
    [ids[0], 'one.test'],
    [ids[1], 'two.test'],
  ]) {
    const listener = { LoadBalancerId: scene.loadBalancerId, ListenerPort };
    const { headers } = await client.call('Ens', 'SetLoadBalancerHTTPSListenerAttribute', {
      ...listener,
      ServerCertificateId: id,
    });
    assert.equal(headers['x-sluice-applied'], '1/1');
    assert.equal(await shown(scene), name);
  }
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.ok(load.observations.length > 0);
  await client.call('Cas', 'DeleteUserCertificate', { CertId: ids[0] });
  const refused = client.call('Cas', 'DeleteUserCertificate', { CertId: ids[1] });
  await assert.rejects(refused, { code: 'CertificateInUse' });

  const file = `${scene.loadBalancerId}.https-${ListenerPort}.pem`;
  const path = join(sluice.dataFolder, 'forwarder', 'haproxy', 'certificates', file);
  assert.deepEqual(await filesWith(sluice.dataFolder, two), [path]);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(await filesWith(sluice.dataFolder, one), []);
  for (const { key } of [one, two]) assert.ok(!sluice.output().includes(key.split('\n')[1]!));
});

test('sluice up started again, with a new key for its forwarder, loses no handshake', async () => {
  const dataFolder = await folder();
  const killed = await startSluice({ dataFolder });
  const backend = await startHttpServer('a');
  cleanups.push(() => backend.close());
  const parameters = { ServerCertificateId: await upload(killed.client, one) };
  const scene = await buildScene(killed.client, [backend], [{ protocol: 'HTTPS', parameters }]);
  const target = { host: scene.address, port: scene.ports[0]! };
  const load = startHttpLoad({ ...target, clients: 2, keepAlive: false, tls: true });
  await killed.kill('SIGKILL');
  await killed.client.close();
  const sluice = await startSluice({ dataFolder });
  cleanups.push(() => sluice.stop());
  const listener = { LoadBalancerId: scene.loadBalancerId, ListenerPort: scene.ports[0] };
  const { headers } = await sluice.client.call('Ens', 'SetLoadBalancerHTTPSListenerAttribute', {
    ...listener,
    ServerCertificateId: await upload(sluice.client, two),
  });
  assert.equal(headers['x-sluice-applied'], '1/1');
  assert.equal(await shown(scene), 'two.test');
  await load.stop();
  assert.deepEqual(load.failures, []);
});

test('a forwarder serves HTTPS from its journal alone', async () => {
  const control = await startSluice({ mode: 'control-plane' });
  cleanups.push(() => control.stop());
  const { client, endpoint } = control;
  const site = { EnsRegionId: 'local', AddressPool: '127.0.0.0/24' };
  await client.call('Sluice', 'RegisterSite', site);
  const named = { EnsRegionId: 'local', ForwarderName: 'edge-1' };
  const key = (await client.call('Sluice', 'RegisterForwarder', named)).body as {
    AccessKeyId: string;
    AccessKeySecret: string;
  };
  const options = {
    endpoint,
    site: 'local',
    accessKeyId: key.AccessKeyId,
    accessKeySecret: key.AccessKeySecret,
    dataFolder: await folder(),
  };
  let forwarder = await startForwarderProcess(options);
  cleanups.push(() => forwarder.stop());
  const backend = await startHttpServer('a');
  cleanups.push(() => backend.close());
  const parameters = { ServerCertificateId: await upload(client, one) };
  const scene = await buildScene(client, [backend], [{ protocol: 'HTTPS', parameters }]);

  await control.kill('SIGKILL');
  await forwarder.stop();
  // Nothing of the engine's is left, and its master is gone with it.
  await rm(join(options.dataFolder, 'forwarder', 'haproxy'), { recursive: true });
  assert.deepEqual(await filesWith(options.dataFolder, one), []);
  forwarder = await startForwarderProcess(options);
  const target = { host: scene.address, port: scene.ports[0]!, agent: new https.Agent() };
  assert.equal(await until(() => get(target), { what: 'an answer' }), 'a');
  assert.equal(await shown(scene), 'one.test');
});
