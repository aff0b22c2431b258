import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { RpcClient } from '../src/client.ts';
import { startHttpServer } from './support/backends.ts';
import { makeCertificate } from './support/certificates.ts';
import { buildScene } from './support/scene.ts';
import { masterKey, rootKey, type Sluice, startSluice } from './support/sluice.ts';

/** Runs a Sluice that does something with every kind of secret, then looks for them everywhere. */

const folder = mkdtempSync(join(tmpdir(), 'sluice-secrets-'));
const [doors, listeners] = [makeCertificate({ name: 'door.test' }), makeCertificate()];
const [certFile, keyFile] = [join(folder, 'door.pem'), join(folder, 'door-key.pem')];
/** A line of a key's middle: PEM files of keys begin alike. */
const partOf = (key: string) => key.trim().split('\n').at(-2)!;
const secrets = new Map([
  ['root secret', rootKey.accessKeySecret],
  ['master key', masterKey],
  ["the door's private key", partOf(doors.key)],
  ["a listener's private key", partOf(listeners.key)],
]);
/** What a client was told in error answers. */
const told: string[] = [];
let sluice: Sluice;
const cleanups: (() => Promise<unknown> | unknown)[] = [() => rmSync(folder, { recursive: true })];

before(async () => {
  writeFileSync(certFile, doors.cert);
  writeFileSync(keyFile, doors.key);
  sluice = await startSluice({
    ca: doors.cert,
    dataFolder: join(folder, 'data'),
    flags: [
      ...['--no-sample', '--tls-cert', certFile, '--tls-key', keyFile],
      ...['--log-level', 'trace', '--metrics', '127.0.0.1:0'],
    ],
  });
  cleanups.push(() => sluice.stop());
  const { client } = sluice;
  const backend = await startHttpServer('a');
  cleanups.push(() => backend.close());
  const upload = { Name: 'web', Cert: listeners.cert, Key: listeners.key };
  const { body } = await client.call('Cas', 'UploadUserCertificate', upload);
  const parameters = { ServerCertificateId: String((body as { CertId: number }).CertId) };
  await buildScene(client, [backend], [{ protocol: 'HTTPS', parameters }]);
  await registerForwarder();
  await failInEveryWay(upload);
});
after(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

async function registerForwarder(): Promise<void> {
  // Of every site: one of the site's own would take the listener over, and its key with it.
  const forwarder = { EnsRegionId: '*', ForwarderName: 'far' };
  const { body } = await sluice.client.call('Sluice', 'RegisterForwarder', forwarder);
  const { AccessKeyId, AccessKeySecret } = body as Record<string, string>;
  secrets.set("a forwarder's secret", AccessKeySecret!);
  const { endpoint } = sluice;
  const key = { accessKeyId: AccessKeyId!, accessKeySecret: AccessKeySecret! };
  const client = new RpcClient({ endpoint, ...key, ca: doors.cert });
  await client
    .call('Sluice', 'DescribeSites', {})
    .catch((error) => told.push(JSON.stringify(error)));
  await client.close();
}

async function failInEveryWay(upload: Record<string, string>): Promise<void> {
  const { client } = sluice;
  const calls: readonly (readonly [Parameters<RpcClient['call']>[0], string, object])[] = [
    ['Cas', 'UploadUserCertificate', upload],
    ['Cas', 'UploadUserCertificate', { ...upload, Name: 'b', Key: `${upload.Key}x` }],
    ['Cas', 'UploadUserCertificate', { ...upload, Name: 'c', Cert: doors.cert }],
    ['Ens', 'DescribeLoadBalancerAttribute', { LoadBalancerId: 'lb-5none' }],
  ];
  for (const [product, action, parameters] of calls) {
    await client
      .call(product, action, parameters as Record<string, unknown>)
      .then(({ body }) => told.push(JSON.stringify(body)))
      .catch((error) => told.push(JSON.stringify({ ...error, message: String(error) })));
  }
}

function hold(text: string, where: string): void {
  for (const [what, secret] of secrets) assert.ok(!text.includes(secret), `${what} in ${where}`);
}

describe('no secret stands', () => {
  test('in what the process prints, at the finest log level', () => {
    assert.ok(sluice.output().length > 0);
    hold(sluice.output(), 'the output');
  });

  test('in error answers', () => {
    assert.ok(told.length >= 4);
    for (const text of told) hold(text, text.slice(0, 200));
  });

  test('in metrics', async () => {
    const address = /"address":"([^"]+)"/.exec(sluice.output())?.[1] ?? '';
    const url = address.startsWith('http') ? address : `http://${address}`;
    const text = await (await fetch(new URL('/metrics', url))).text();
    assert.match(text, /^# HELP/);
    hold(text, 'metrics');
  });

  test('in the list of processes, and none of ours hands its environment on', () => {
    const own = family(sluice.process.pid!);
    assert.ok(own.length > 1, 'HAProxy is one of them');
    for (const pid of own) {
      const read = (name: string) => readFileSync(`/proc/${pid}/${name}`, 'latin1');
      hold(read('cmdline'), read('cmdline'));
      if (pid !== sluice.process.pid) hold(read('environ'), `the environment of ${read('comm')}`);
    }
  });

  test('in core files: none of our processes would write its memory', () => {
    for (const pid of family(sluice.process.pid!)) {
      assert.equal(
        readFileSync(`/proc/${pid}/coredump_filter`, 'utf8').trim(),
        '00000000',
        `${pid}`,
      );
    }
  });

  test('in files, save the keys that HAProxy serves, which are for its user alone', () => {
    const data = join(folder, 'data');
    const allowed = join(data, 'forwarder/haproxy/certificates/');
    const files = readdirSync(data, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    assert.ok(files.length > 5);
    let served = 0;
    for (const { parentPath, name } of files) {
      const path = join(parentPath, name);
      const { mode } = statSync(path);
      const text = readFileSync(path, 'latin1');
      if (path.startsWith(allowed)) {
        assert.equal(mode & 0o077, 0, path);
        served += text.includes(partOf(listeners.key)) ? 1 : 0;
      } else {
        hold(text, path);
      }
    }
    assert.equal(served, 1);
  });
});

/** A process and all that came of it; HAProxy's master is found by its files. */
function family(root: number): number[] {
  const found = [root];
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    try {
      const pid = Number(name);
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      parents.set(pid, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
      if (readFileSync(`/proc/${name}/cmdline`, 'latin1').includes(folder)) found.push(pid);
    } catch {
      // It has ended meanwhile.
    }
  }
  for (const [pid, parent] of parents) if (found.includes(parent)) found.push(pid);
  return [...new Set(found)];
}
