import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import {
  flagOf,
  forwarderSettings,
  readForwarderSettings,
  readSettings,
  upSettings,
} from './settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-settings-'));
after(() => rmSync(folder, { recursive: true }));

function settingsFile(content: unknown): string {
  const path = join(folder, 'sluice.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

test('without any setting, Sluice listens on loopback and keeps its state in ./data', () => {
  assert.deepEqual(readSettings([], {}), {
    listen: { host: '127.0.0.1', port: 8080 },
    tls: undefined,
    behindProxy: [],
    hostNames: [],
    store: 'sqlite:',
    sample: true,
    throttle: 'documented',
    confirmWaitMs: 1000,
    isolation: 'serve',
    poolNetworks: [],
    backendNetworks: [],
    audit: 'writes',
    auditDays: 90,
    auditMegabytes: 1_024,
    dataFolder: resolve('data'),
    l4: 'haproxy',
    addressInterface: 'lo',
    oldWorkers: { memoryBytes: undefined, ageMs: 86_400_000 },
    metrics: { host: '127.0.0.1', port: 9464 },
    stopTraffic: false,
    logLevel: 'info',
  });
});

test('a flag wins over its variable, the variable over the file, the file over the default', () => {
  const SLUICE_CONFIG = settingsFile({ listen: '10.0.0.1:1', data: '/file', confirmWait: 5 });
  const environment = {
    SLUICE_CONFIG,
    SLUICE_LISTEN: '10.0.0.2:2',
    SLUICE_DATA: '/variable',
    SLUICE_INSECURE_LISTEN: '1',
  };
  const settings = readSettings(['--listen', '10.0.0.3:3'], environment);
  assert.deepEqual(settings.listen, { host: '10.0.0.3', port: 3 });
  assert.equal(settings.dataFolder, '/variable');
  assert.equal(settings.confirmWaitMs, 5);
  assert.equal(settings.l4, 'haproxy');
});

test('an empty variable counts as absent', () => {
  assert.equal(readSettings([], { SLUICE_DATA: '' }).dataFolder, resolve('data'));
});

test('a relative data folder is made absolute', () => {
  assert.equal(readSettings(['--data', 'a/b'], {}).dataFolder, resolve('a/b'));
});

test('the sample is switched off by flag, by variable and in the file', () => {
  assert.equal(readSettings(['--no-sample'], {}).sample, false);
  assert.equal(readSettings([], { SLUICE_SAMPLE: '0' }).sample, false);
  assert.equal(readSettings(['--config', settingsFile({ sample: false })], {}).sample, false);
});

test('every form of a value is read', () => {
  const environment = {
    SLUICE_ROOT_ACCESS_KEY_ID: 'id',
    SLUICE_ROOT_ACCESS_KEY_SECRET: 'secret',
  };
  const flags =
    '--listen [::1]:0 --metrics off --throttle 1000,100 --l4 kernel --stop-traffic ' +
    '--store etcd://127.0.0.1:2379,127.0.0.1:2380 --log-level debug --confirm-wait=0 ' +
    '--address-interface none --old-workers-memory 512 --old-workers-age 3600';
  const settings = readSettings(flags.split(' '), environment);
  assert.deepEqual(settings.listen, { host: '::1', port: 0 });
  assert.equal(settings.metrics, undefined);
  assert.deepEqual(settings.throttle, { perApi: 1000, perAccount: 100 });
  assert.equal(settings.l4, 'kernel');
  assert.equal(settings.stopTraffic, true);
  assert.equal(settings.store, 'etcd://127.0.0.1:2379,127.0.0.1:2380');
  assert.equal(settings.logLevel, 'debug');
  assert.equal(settings.confirmWaitMs, 0);
  assert.equal(settings.addressInterface, undefined);
  assert.deepEqual(settings.oldWorkers, { memoryBytes: 512 * 1_048_576, ageMs: 3_600_000 });
  assert.deepEqual(settings.rootAccessKey, { accessKeyId: 'id', accessKeySecret: 'secret' });
});

const mistakes: readonly [string, RegExp][] = [
  ['--lisen 127.0.0.1:1', /^unknown flag --lisen; did you mean --listen\?$/],
  ['--listen', /^--listen needs a value: --listen HOST:PORT$/],
  ['--listen 8080', /^--listen: "8080" is not host:port$/],
  ['--listen 127.0.0.1:65536', /^--listen: "127.0.0.1:65536" is not host:port$/],
  [
    '--listen 0.0.0.0:8080',
    /^--listen: other machines could call .* in plain HTTP: give --tls-cert/,
  ],
  ['--listen [::]:8080', /--behind-proxy .*, or --insecure-listen if that is meant$/],
  ['--tls-cert a.pem', /^--tls-cert and --tls-key go together$/],
  ['--host-names a.test:8080', /^--host-names: "a.test:8080" is not a list of host names such as/],
  ['--behind-proxy 10.0.0.0/33', /^--behind-proxy: "10.0.0.0\/33" is not a list of addresses/],
  ['--no-sample=yes', /^--no-sample takes no value$/],
  ['--throttle 10', /^--throttle: "10" is not documented, off or two numbers/],
  ['--throttle 0,1', /^--throttle: "0,1" is not/],
  ['--l4 ipvs', /^--l4: "ipvs" is not one of haproxy, kernel$/],
  ['--old-workers-memory 0', /^--old-workers-memory: "0" is not auto or a number of megabytes$/],
  ['--old-workers-age 59', /^--old-workers-age: "59" is not a whole number from 60 to 1728000$/],
  ['--address-interface eth0;x', /^--address-interface: "eth0;x" is not a network interface$/],
  ['--confirm-wait 30001', /^--confirm-wait: "30001" is not a whole number from 0 to 30000$/],
  ['--store redis://x', /^--store: "redis:\/\/x" is not sqlite:, .* or etcd:\/\/host:port/],
  ['--store sqlite::memory:', /^--store: "sqlite::memory:" is not sqlite:, sqlite:memory, /],
  ['--root-access-key-id x', /^unknown flag --root-access-key-id$/],
  ['surplus', /^unexpected surplus$/],
];
for (const [flags, message] of mistakes) {
  test(`"${flags}" is one clear line`, () => {
    assert.throws(() => readSettings(flags.split(' '), {}), { name: 'UsageError', message });
  });
}

test('a door that others reach has TLS, a proxy that has it, or the word that it is meant', () => {
  for (const flags of [
    '--tls-cert /c.pem --tls-key /k.pem',
    '--behind-proxy 10.0.0.1,192.0.2.0/24',
    '--insecure-listen',
  ]) {
    const { listen, tls, behindProxy } = readSettings(
      ['--listen', '0.0.0.0:8080', ...flags.split(' ')],
      {},
    );
    assert.equal(listen.host, '0.0.0.0');
    assert.deepEqual(tls, flags.includes('tls') ? { cert: '/c.pem', key: '/k.pem' } : undefined);
    assert.deepEqual(behindProxy, flags.includes('proxy') ? ['10.0.0.1', '192.0.2.0/24'] : []);
  }
});

test('a bad variable and a bad line of the file are named by where they stand', () => {
  const throws = (environment: Record<string, string>, message: RegExp) =>
    assert.throws(() => readSettings([], environment), { name: 'UsageError', message });
  throws({ SLUICE_SAMPLE: 'maybe' }, /^SLUICE_SAMPLE: "maybe" is not one of 0, 1, false, true$/);
  throws({ SLUICE_ROOT_ACCESS_KEY_ID: 'id' }, /go together$/);
  throws({ SLUICE_CONFIG: settingsFile({ l4: 'ipvs' }) }, /sluice\.json: l4: "ipvs" is not/);
  throws({ SLUICE_CONFIG: settingsFile({ lisen: 1 }) }, /sluice\.json: unknown setting lisen$/);
  throws({ SLUICE_CONFIG: settingsFile({ listen: [] }) }, /listen is no text, number or boolean$/);
  throws({ SLUICE_CONFIG: settingsFile('{') }, /^cannot read the settings file .*sluice\.json: /);
  throws({ SLUICE_CONFIG: settingsFile([]) }, /is no JSON object$/);
});

test('a forwarder needs a site and the key that RegisterForwarder answered', () => {
  const key = { ALIBABA_CLOUD_ACCESS_KEY_ID: 'id', ALIBABA_CLOUD_ACCESS_KEY_SECRET: 'secret' };
  const flags = ['--site', 'edge-1', '--endpoint', 'http://10.0.0.1:8080,https://10.0.0.2'];
  assert.deepEqual(readForwarderSettings(flags, key), {
    endpoints: ['http://10.0.0.1:8080', 'https://10.0.0.2'],
    ca: undefined,
    site: 'edge-1',
    accessKeyId: 'id',
    accessKeySecret: 'secret',
    dataFolder: resolve('data'),
    l4: 'haproxy',
    addressInterface: 'lo',
    oldWorkers: { memoryBytes: undefined, ageMs: 86_400_000 },
    stopTraffic: false,
    logLevel: 'info',
  });
  assert.throws(() => readForwarderSettings(flags, {}), /ALIBABA_CLOUD_ACCESS_KEY_ID/);
  assert.throws(() => readForwarderSettings([], key), /--site is missing/);
  assert.throws(
    () => readForwarderSettings(['--site', 'x', '--endpoint', '10.0.0.1:8080'], key),
    /^UsageError: --endpoint: "10.0.0.1:8080" is not an address such as/,
  );
});

test('docs/operate.md shows every setting: flag, variable and default', () => {
  const page = readFileSync(new URL('../docs/operate.md', import.meta.url), 'utf8');
  for (const setting of [...upSettings, ...forwarderSettings]) {
    const flag = flagOf(setting);
    const row = page.split('\n').find((line) => line.includes(`\`${setting.variable}\``)) ?? '';
    assert.ok(row.startsWith('|'), `no row for ${setting.variable}`);
    assert.ok(flag === undefined || row.includes(`--${flag.name}`), `${row}: --${flag?.name}`);
    if (setting.value && setting.fallback) {
      assert.ok(row.includes(`\`${setting.fallback}\``), `${row}: ${setting.fallback}`);
    }
  }
});
