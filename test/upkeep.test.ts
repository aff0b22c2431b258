import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { RpcClient } from '../src/client.ts';
import { openStore } from '../src/store/open.ts';
import { sealedRecords } from '../src/upkeep/sealed-records.ts';
import { makeCertificate } from './support/certificates.ts';
import { startEtcd } from './support/etcd.ts';
import { emptyLoadBalancer } from './support/scene.ts';
import { type Sluice, type SluiceOptions, startSluice } from './support/sluice.ts';
import { until } from './support/wait.ts';

const run = promisify(execFile);
const mainFile = new URL('../src/main.ts', import.meta.url).pathname;
const root = await mkdtemp(join(tmpdir(), 'sluice-upkeep-'));
after(() => rm(root, { recursive: true, force: true }));

/** The master key is the folder's own file here. */
const environment = { SLUICE_MASTER_KEY: '' };
const start = (dataFolder: string, options: SluiceOptions = {}) =>
  startSluice({ mode: 'control-plane', dataFolder, environment, ...options });
const sluiceWith = (variables: Record<string, string>, ...args: string[]) =>
  run(process.execPath, [mainFile, ...args], { env: { ...process.env, ...variables } });
const sluice = (...args: string[]) => sluiceWith(environment, ...args);

interface Furnished {
  readonly forwarderKey: { readonly accessKeyId: string; readonly accessKeySecret: string };
  readonly loadBalancerId: string;
}

/** A site, a forwarder with its key, a certificate, a load balancer. */
async function furnish({ client }: Sluice): Promise<Furnished> {
  const EnsRegionId = 'local';
  await client.call('Sluice', 'RegisterSite', { EnsRegionId, AddressPool: '127.0.0.0/24' });
  const edge = { EnsRegionId: 'edge-1', AddressPool: '127.0.7.0/24' };
  await client.call('Sluice', 'RegisterSite', edge);
  const forwarder = { EnsRegionId: 'edge-1', ForwarderName: 'far' };
  const { body } = await client.call('Sluice', 'RegisterForwarder', forwarder);
  const { AccessKeyId, AccessKeySecret } = body as Record<string, string>;
  const { cert, key } = makeCertificate();
  await client.call('Cas', 'UploadUserCertificate', { Name: 'web', Cert: cert, Key: key });
  const loadBalancerId = await emptyLoadBalancer(client);
  return {
    forwarderKey: { accessKeyId: AccessKeyId!, accessKeySecret: AccessKeySecret! },
    loadBalancerId,
  };
}

/** That the forwarder's key is known: it is refused what it may not, and not for its signature. */
async function checkForwarderKey({ endpoint }: Sluice, { forwarderKey }: Furnished) {
  const client = new RpcClient({ endpoint, ...forwarderKey });
  await assert.rejects(client.call('Sluice', 'DescribeSites', {}), { code: 'NoPermission' });
  await client.close();
}

/** Runs `sluice audit verify`, which fails when anything in the log is not as it was written. */
async function verifyAudit({ endpoint, dataFolder }: Sluice): Promise<void> {
  const { stdout } = await sluice('audit', 'verify', '--endpoint', endpoint, '--data', dataFolder);
  assert.ok(stdout.length > 0);
}

test('another master key opens every secret afterwards, and the one before none', async () => {
  const folder = join(root, 'rotate');
  const first = await start(folder);
  const furnished = await furnish(first);
  const before = await readFile(join(folder, 'master-key'), 'utf8');
  await assert.rejects(
    sluice('keys', 'rotate', '--data', folder),
    /another process uses this store/,
  );
  await first.stop();

  const { stdout, stderr } = await sluice('keys', 'rotate', '--data', folder);
  assert.match(stdout, /^\d records are sealed with the new master key\n$/);
  assert.match(stderr, /master-key\.previous/);
  assert.notEqual(await readFile(join(folder, 'master-key'), 'utf8'), before);
  assert.equal(await readFile(join(folder, 'master-key.previous'), 'utf8'), before);
  assert.equal((await stat(join(folder, 'master-key'))).mode & 0o777, 0o600);
  const again = await start(folder);
  await again.client.call('Sluice', 'DescribeSites', {});
  await checkForwarderKey(again, furnished);
  // The command line finds the root key sealed anew.
  const listed = await sluice('DescribeSites', '--endpoint', again.endpoint, '--data', folder);
  assert.match(listed.stdout, /local/);
  await verifyAudit(again);
  await again.stop();

  await copyFile(join(folder, 'master-key.previous'), join(folder, 'master-key'));
  await assert.rejects(start(folder), /cannot be opened|another master key|unable to authenticate/);
});

test('where SLUICE_MASTER_KEY counts, SLUICE_NEW_MASTER_KEY is the next one', async () => {
  const folder = join(root, 'variable');
  const SLUICE_MASTER_KEY = 'the first master key of this very test';
  const SLUICE_NEW_MASTER_KEY = 'the second master key of this very test';
  const first = await start(folder, { environment: { SLUICE_MASTER_KEY } });
  const furnished = await furnish(first);
  await first.stop();
  const rotate = ['keys', 'rotate', '--data', folder];
  await assert.rejects(
    sluiceWith({ SLUICE_MASTER_KEY }, ...rotate),
    /set SLUICE_NEW_MASTER_KEY to the next one/,
  );
  await sluiceWith({ SLUICE_MASTER_KEY, SLUICE_NEW_MASTER_KEY }, ...rotate);
  await assert.rejects(
    start(folder, { environment: { SLUICE_MASTER_KEY } }),
    /sealed with another master key/,
  );
  const again = await start(folder, {
    environment: { SLUICE_MASTER_KEY: SLUICE_NEW_MASTER_KEY },
  });
  await checkForwarderKey(again, furnished);
  await again.stop();
});

test('every record that holds something sealed is in the list of those', async () => {
  const folder = join(root, 'sealed');
  const server = await start(folder);
  await furnish(server);
  await server.stop();
  // From then on the store keeps what proves the audit log.
  await sluice('keys', 'rotate', '--data', folder);
  const store = await openStore('sqlite:', { dataFolder: folder });
  const { entries } = await store.range('');
  await store.close();
  const sealed = entries.flatMap(({ key, value }) =>
    Object.entries(JSON.parse(value) as object)
      .filter(([, text]) => /"v1\.[\w-]{38,}"/.test(JSON.stringify(text)))
      .map(([field]) => ({ key, field })),
  );
  const isListed = ({ key, field }: { key: string; field: string }) =>
    sealedRecords.some((each) => key.startsWith(each.prefix) && each.field === field);
  assert.deepEqual(
    sealed.filter((each) => !isListed(each)),
    [],
  );
  for (const { prefix } of sealedRecords) {
    assert.ok(
      sealed.some(({ key }) => key.startsWith(prefix)),
      prefix,
    );
  }
});

describe('a backup', () => {
  const from = join(root, 'from');
  const file = join(root, 'sluice.backup');

  test('of a store in use has every write answered before it, and is one to start on', async () => {
    const first = await start(from);
    const furnished = await furnish(first);
    const { client } = first;
    /** Instance id -> the revision that its registration was answered with. */
    const answered = new Map<string, number>();
    let over = false;
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let n = 0; !over; n++) {
        const InstanceId = `i-${writer}-${n}`;
        const record = { EnsRegionId: 'local', InstanceId, PrivateIpAddress: '10.0.0.1' };
        const { headers } = await client.call('Sluice', 'RegisterInstance', record);
        answered.set(InstanceId, Number(headers['x-sluice-revision']));
      }
    });
    await until(() => answered.size >= 100, { what: 'writes' });
    const { stdout, stderr } = await sluice('backup', file, '--data', from);
    over = true;
    await Promise.all(writers);
    await first.stop();
    const revision = Number(/as of revision (\d+)/.exec(stdout)?.[1]);
    assert.match(stderr, /^THE MASTER KEY IS NOT IN IT/);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const masterKey = await readFile(join(from, 'master-key'), 'utf8');
    assert.ok(!(await readFile(file, 'utf8')).includes(masterKey.trim()));

    const to = join(root, 'to');
    await assert.rejects(sluice('restore', file, '--data', to), /has no master key/);
    await mkdir(to, { recursive: true });
    await copyFile(join(from, 'master-key'), join(to, 'master-key'));
    await sluice('restore', file, '--data', to);
    await assert.rejects(sluice('restore', file, '--data', to), /the store is not empty/);

    const again = await start(to, {
      mode: 'up',
      environment: {
        ...environment,
        SLUICE_ROOT_ACCESS_KEY_ID: '',
        SLUICE_ROOT_ACCESS_KEY_SECRET: '',
      },
    });
    await checkForwarderKey(again, furnished);
    await verifyAudit(again);
    const due = [...answered].filter(([, at]) => at <= revision).map(([id]) => id);
    assert.ok(due.length >= 100 && due.length < answered.size, `${due.length}`);
    const store = await openSnapshot(to, again);
    for (const id of due) assert.ok(store.has(`instance/${id}`), id);
    const { headers } = await again.client.call('Ens', 'ModifyLoadBalancerAttribute', {
      LoadBalancerId: furnished.loadBalancerId,
      LoadBalancerName: 'after',
    });
    assert.ok(Number(headers['x-sluice-revision']) > Math.max(...answered.values()));
    await again.stop();
  });

  async function openSnapshot(folder: string, { endpoint }: Sluice): Promise<Set<string>> {
    assert.ok(endpoint);
    const copy = join(root, 'copy.backup');
    await sluice('backup', copy, '--data', folder);
    const lines = (await readFile(copy, 'utf8')).split('\n').filter((line) => line.startsWith('['));
    return new Set(lines.map((line) => (JSON.parse(line) as [string])[0]));
  }

  test('with the master key restores into an empty folder by itself', async () => {
    const whole = join(root, 'whole.backup');
    const { stderr } = await sluice('backup', whole, '--with-master-key', '--data', from);
    assert.match(stderr, /^THE MASTER KEY IS IN IT/);
    const to = join(root, 'by-itself');
    await sluice('restore', whole, '--data', to);
    const key = await readFile(join(from, 'master-key'), 'utf8');
    assert.equal(await readFile(join(to, 'master-key'), 'utf8'), key);
  });

  test('that lacks its end is refused before anything is written, as others are', async () => {
    const cut = join(root, 'cut.backup');
    await copyFile(file, cut);
    await truncate(cut, (await stat(file)).size - 200);
    const to = join(root, 'refused');
    await assert.rejects(sluice('restore', cut, '--data', to), /is not whole/);
    await assert.rejects(sluice('restore', mainFile, '--data', to), /is no backup of Sluice/);
    await assert.rejects(stat(to), { code: 'ENOENT' });
  });

  test('moves a store from SQLite to etcd and back', async () => {
    const etcd = await startEtcd();
    try {
      const spec = `etcd://${new URL(etcd.endpoints[0]!).host}?prefix=/moved/`;
      const store = ['--store', spec, '--data', from];
      await sluice('restore', file, ...store);
      const back = join(root, 'back.backup');
      await sluice('backup', back, ...store);
      const records = async (path: string) =>
        (await readFile(path, 'utf8'))
          .split('\n')
          .filter((line) => /^\["(?!audit-)/.test(line))
          .map((line) => {
            const [key, , value] = JSON.parse(line) as [string, number, string];
            return `${key} ${value}`;
          });
      assert.deepEqual((await records(back)).sort(), (await records(file)).sort());
      await assert.rejects(sluice('keys', 'rotate', ...store), /stop every control plane/);
      await sluice('keys', 'rotate', '--control-planes-stopped', ...store);
    } finally {
      await etcd.stop();
    }
  });
});
