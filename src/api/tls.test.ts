import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type tls from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { makeCertificate, type TestCertificate } from '../../test/support/certificates.ts';
import { until } from '../../test/support/wait.ts';
import { createListener } from './listen.ts';
import type { RawRequest } from './request.ts';
import { type DoorTls, openTls } from './tls.ts';

const folder = mkdtempSync(join(tmpdir(), 'door-tls-'));
const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
const said: string[] = [];
const tell = (fields: object, message: string) => said.push(`${message} ${JSON.stringify(fields)}`);
const log = { info: tell, warn: tell, error: tell };

function put({ cert, key }: Partial<TestCertificate>): void {
  if (cert !== undefined) writeFileSync(files.cert, cert);
  if (key !== undefined) writeFileSync(files.key, key);
}

describe('a door with TLS', () => {
  const first = makeCertificate({ name: 'first.test' });
  const second = makeCertificate({ name: 'second.test' });
  const seen: RawRequest[] = [];
  let door: DoorTls;
  let server: FastifyInstance;
  let port: number;

  before(async () => {
    put(first);
    door = await openTls(files, log);
    const ok = { status: 200, headers: {}, body: '{}' };
    server = createListener({
      dispatch: async (request) => {
        seen.push(request);
        return ok;
      },
      isReady: async () => true,
      onFault: (error) => assert.fail(String(error)),
      tls: door,
    });
    await server.listen({ host: '127.0.0.1', port: 0 });
    ({ port } = server.server.address() as AddressInfo);
  });
  after(async () => {
    door.close();
    await server.close();
    rmSync(folder, { recursive: true });
  });

  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  after(() => agent.destroy());
  const kept = { agent, ca: first.cert, rejectUnauthorized: true };

  /** The name in the certificate that a call was shown. */
  async function call(options: https.RequestOptions = {}): Promise<string> {
    const target = { host: '127.0.0.1', port, rejectUnauthorized: false, ...options };
    const [response] = (await once(https.get(target), 'response')) as [
      import('http').IncomingMessage,
    ];
    response.resume();
    const shown = (response.socket as tls.TLSSocket).getPeerCertificate().subject.CN;
    await once(response, 'end');
    return String(shown);
  }

  test('calls come over TLS, and dispatch knows it', async () => {
    assert.equal(await call(kept), 'first.test');
    assert.equal(seen.at(-1)?.secure, true);
  });

  test('nothing older than TLS 1.2 is spoken, and plain HTTP is hung up on', async () => {
    await assert.rejects(
      call({ maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' }),
    );
    assert.equal(await call({ maxVersion: 'TLSv1.2' }), 'first.test');
    const plain = net.connect(port, '127.0.0.1').end('GET / HTTP/1.1\r\nHost: a\r\n\r\n').resume();
    await once(plain, 'close');
  });

  test('files that do not fit keep the certificate; the next that do are shown', async () => {
    put({ key: second.key });
    await until(() => said.some((line) => /^the door keeps .*cannot be used/.test(line)), {
      what: 'the refusal',
    });
    assert.equal(await call({ agent: new https.Agent() }), 'first.test');
    put({ cert: second.cert });
    await until(async () => (await call({ agent: new https.Agent() })) === 'second.test', {
      what: 'the new certificate',
    });
    assert.ok(said.some((line) => /^the door shows another certificate .*second\.test/.test(line)));
    assert.ok(said.every((line) => !line.includes('PRIVATE KEY')));
  });

  test('a connection that stood before the change still carries calls', async () => {
    const sockets = Object.values(agent.freeSockets).flat();
    assert.equal(sockets.length, 1);
    assert.equal(await call(kept), 'first.test');
    assert.equal(Object.values(agent.freeSockets).flat()[0], sockets[0]);
  });

  test('a door with files that cannot be used does not open', async () => {
    put({ key: first.key, cert: 'none' });
    await assert.rejects(openTls(files, log), /cert\.pem and .*key\.pem cannot be used/);
    const absent = { ...files, key: join(folder, 'absent.pem') };
    await assert.rejects(openTls(absent, log), /ENOENT.*absent\.pem/);
  });
});
