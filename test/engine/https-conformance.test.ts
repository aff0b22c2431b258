import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeCertificate } from '../support/certificates.ts';
import { attached, balancer, https, openEngine } from '../support/haproxy.ts';
import { freePort } from '../support/ports.ts';

/** HTTPS listeners as tools see them that know the protocols better than these tests do. */

const host = '127.0.0.1';
const h2spec = join(import.meta.dirname, '../../.cache/h2spec/h2spec');

/** The port of an HTTPS listener before a server with a mind for security. */
async function listen(t: TestContext): Promise<number> {
  const { engine, certificates } = await openEngine(t);
  certificates.set('1', makeCertificate({ name: 'localhost', key: ['rsa:2048'], days: 90 }));
  const server = http.createServer((_, response) => {
    // What a web application owes its users; a listener passes it on.
    response.setHeader('strict-transport-security', 'max-age=63072000');
    response.setHeader('x-frame-options', 'DENY');
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('content-security-policy', "default-src 'none'");
    response.end('hello');
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const backends = attached([
    { name: 'i-1', ip: host, port: (server.address() as net.AddressInfo).port },
  ]);
  const port = await freePort(host);
  const wanted = balancer('lb-1', { listeners: [https(port)], backends });
  assert.deepEqual(await engine.apply(wanted), []);
  return port;
}

/** @returns all that a command said */
async function run(command: string, words: readonly string[]): Promise<string> {
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  await once(child, 'close');
  return output;
}

test('h2spec finds no case, strict ones included, in which HTTP/2 is spoken wrongly', async (t) => {
  const port = await listen(t);
  const output = await run(h2spec, ['-S', '-t', '-k', '-h', host, '-p', String(port)]);
  const [, tests, failed] = /^(\d+) tests, .* (\d+) failed$/m.exec(output) ?? [];
  assert.ok(Number(tests) > 140, output);
  assert.equal(failed, '0', output);
});

/** What a certificate that nobody signed is blamed for. */
const selfSigned = new Set(['cert_chain_of_trust', 'cert_revocation']);

test('testssl finds nothing above LOW but that the certificate is self-signed', async (t) => {
  const port = await listen(t);
  const folder = mkdtempSync(join(tmpdir(), 'testssl-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const report = join(folder, 'report.json');
  const parts = ['protocols', 'std', 'fs', 'server-preference', 'server-defaults', 'headers'];
  const output = await run('testssl', [
    ...['--quiet', '--color', '0', '--warnings', 'off', '--nodns', 'none', '--jsonfile', report],
    ...[...parts, 'vulnerable'].map((part) => `--${part}`),
    `${host}:${port}`,
  ]);
  const findings = JSON.parse(readFileSync(report, 'utf8')) as {
    readonly id: string;
    readonly severity: string;
    readonly finding: string;
  }[];
  const ids = new Set(findings.map(({ id }) => id));
  for (const id of ['TLS1_2', 'TLS1_3', 'ALPN', 'heartbleed', 'DROWN', 'LUCKY13']) {
    assert.ok(ids.has(id), `${id} was not looked at: ${output}`);
  }
  const bad = findings.filter(
    ({ id, severity }) =>
      ['MEDIUM', 'HIGH', 'CRITICAL', 'FATAL'].includes(severity) && !selfSigned.has(id),
  );
  assert.deepEqual(bad, []);
});
