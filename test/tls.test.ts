import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { makeCertificate } from './support/certificates.ts';
import { masterKey, type Sluice, startForwarderProcess, startSluice } from './support/sluice.ts';
import { until } from './support/wait.ts';

const run = promisify(execFile);
const mainFile = new URL('../src/main.ts', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'sluice-tls-'));
const path = (name: string) => join(folder, name);
after(() => rmSync(folder, { recursive: true }));

const authority = makeCertificate({ name: 'authority.test', isAuthority: true });
writeFileSync(path('ca.pem'), authority.cert);

/** Puts a certificate of our authority where the door finds it. */
function put(name: string): void {
  const { cert, key } = makeCertificate({ name, issuer: authority });
  writeFileSync(path('cert.pem'), cert);
  writeFileSync(path('key.pem'), key);
}

const started: { stop(): Promise<void> }[] = [];
after(async () => {
  for (const each of started.reverse()) await each.stop();
});

async function liveForwarders({ client }: Sluice): Promise<string[]> {
  const { body } = await client.call('Sluice', 'DescribeForwarders', {});
  const { Forwarders } = body as {
    Forwarders: { Forwarder: { ForwarderName: string; Live: boolean }[] };
  };
  return Forwarders.Forwarder.filter(({ Live }) => Live).map(({ ForwarderName }) => ForwarderName);
}

test('with TLS on the door, forwarders and the command line come in, renewed too', async () => {
  put('door.test');
  const flags = ['--no-sample', '--tls-cert', path('cert.pem'), '--tls-key', path('key.pem')];
  const sluice = await startSluice({ flags, ca: authority.cert });
  started.push(sluice);
  assert.match(sluice.endpoint, /^https:/);
  const live = () => liveForwarders(sluice);
  assert.equal((await live()).length, 1, 'its own forwarder, whose door is named otherwise');

  await sluice.client.call('Sluice', 'RegisterSite', {
    EnsRegionId: 'edge-1',
    AddressPool: '127.0.7.0/28',
  });
  const { body } = await sluice.client.call('Sluice', 'RegisterForwarder', {
    EnsRegionId: 'edge-1',
    ForwarderName: 'far',
  });
  const { AccessKeyId, AccessKeySecret } = body as Record<string, string>;
  started.push(
    await startForwarderProcess({
      endpoint: sluice.endpoint,
      site: 'edge-1',
      accessKeyId: AccessKeyId!,
      accessKeySecret: AccessKeySecret!,
      environment: { SLUICE_CA: path('ca.pem') },
    }),
  );
  await until(async () => (await live()).includes('far'), { what: 'the forwarder' });

  const command = (...more: string[]) =>
    run(
      process.execPath,
      [
        mainFile,
        'DescribeSites',
        ...['--endpoint', sluice.endpoint, '--data', sluice.dataFolder, ...more],
      ],
      {
        env: {
          ...process.env,
          SLUICE_MASTER_KEY: masterKey,
        },
      },
    );
  assert.match((await command('--ca', path('ca.pem'))).stdout, /edge-1/);
  await assert.rejects(command(), (error: { code: number; stderr: string }) => {
    assert.equal(error.code, 1);
    assert.match(error.stderr, /no answer from the API: .*--ca FILE names the authorities/);
    return true;
  });

  put('renewed.test');
  await until(
    () =>
      /the door shows another certificate.*renewed|renewed.*another certificate/s.test(
        sluice.output(),
      ),
    {
      what: 'the renewal',
    },
  );
  assert.equal((await live()).length, 2);
  assert.match((await command('--ca', path('ca.pem'))).stdout, /edge-1/);
});

test('plain HTTP where others reach it is refused, with what to do, and exit 2', async () => {
  await assert.rejects(
    run(process.execPath, [mainFile, 'up', '--listen', '0.0.0.0:0', '--data', path('none')]),
    (error: { code: number; stderr: string }) => {
      assert.equal(error.code, 2);
      assert.match(
        error.stderr,
        /^sluice: --listen: [^\n]*--tls-cert[^\n]*--insecure-listen[^\n]*\n$/,
      );
      return true;
    },
  );
});
