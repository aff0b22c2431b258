import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startEtcd } from '../../test/support/etcd.ts';
import { putAt } from '../../test/support/stores.ts';
import { openEtcd } from './etcd.ts';
import { openStore } from './open.ts';

describe('the setting of the store', () => {
  let dataFolder: string;
  before(async () => {
    dataFolder = await mkdtemp(join(tmpdir(), 'open-'));
  });
  after(() => rm(dataFolder, { recursive: true }));

  test('sqlite: is a file in the data folder, which is made; sqlite:/path any other', async () => {
    const folder = join(dataFolder, 'new');
    await (await openStore('sqlite:', { dataFolder: folder })).close();
    assert.ok((await stat(join(folder, 'store.db'))).isFile());
    const elsewhere = join(dataFolder, 'elsewhere.db');
    await (await openStore(`sqlite:${elsewhere}`, { dataFolder: folder })).close();
    assert.ok((await stat(elsewhere)).isFile());
  });

  test('sqlite:memory is a store that leaves nothing, each opening one of its own', async () => {
    const folder = join(dataFolder, 'untouched');
    const [one, other] = await Promise.all(
      [1, 2].map(() => openStore('sqlite:memory', { dataFolder: folder })),
    );
    const revision = await putAt(one!, ['key', '1']);
    assert.deepEqual(await one!.get('key'), { key: 'key', value: '1', revision });
    assert.equal(await other!.get('key'), undefined);
    await Promise.all([one!.close(), other!.close()]);
    await assert.rejects(stat(folder), { code: 'ENOENT' });
  });

  test('a path that no file is meant by is refused, and no file is made', async () => {
    const odd = [
      ...[':memory:', 'memory:', 'Memory', 'name', './a?mode=memory', './a#b', './a/', './..'],
      ...['./a\nb', ' ./a', './a ', './a\0b', "./a'b", './a*'],
    ];
    for (const path of odd) {
      const refused = /a store is sqlite:, sqlite:memory, sqlite:\/path or etcd:\/\/host:port/;
      await assert.rejects(openStore(`sqlite:${path}`, { dataFolder }), refused, path);
    }
  });

  test('etcd:// takes several endpoints and a prefix', async () => {
    const etcd = await startEtcd();
    try {
      const hosts = `127.0.0.1:1,${new URL(etcd.endpoints[0] as string).host}`;
      const store = await openStore(`etcd://${hosts}?prefix=/a/`, { dataFolder });
      const revision = await putAt(store, ['key', '1']);
      await store.close();
      const whole = await openEtcd({ endpoints: etcd.endpoints, prefix: '/' });
      assert.deepEqual(await whole.get('a/key'), { key: 'a/key', value: '1', revision });
      await whole.close();
    } finally {
      await etcd.stop();
    }
  });

  test('anything else is refused with the forms there are, and no password is told', async () => {
    const refused = (spec: string, pattern: RegExp) =>
      assert.rejects(openStore(spec, { dataFolder }), pattern);
    for (const spec of ['', 'sqlite', 'sqlite://file', 'redis://a', 'etcd:a', '/tmp/file']) {
      await refused(spec, /a store is sqlite:, sqlite:memory, sqlite:\/path or etcd:\/\/host:port/);
    }
    await refused('etcd://', /no host:port/);
    await refused('etcd://a:1,,b:2', /no host:port/);
    await refused('etcd://a/b', /no host:port/);
    await refused('etcd://a:99999', /no host:port/);
    await refused('etcd://a:1?password=secret&color=red', /^Error: (?!.*secret).*color/);
  });
});
