import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { createSeal } from '../sealing.ts';
import { openSeal } from './seal.ts';

describe('a seal', () => {
  const seal = createSeal(randomBytes(32));

  test('any secret comes back under its own context alone', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (secret, context) => {
        const sealed = seal.seal(secret, context);
        assert.equal(seal.open(sealed, context), secret);
        assert.throws(() => seal.open(sealed, `${context}x`));
      }),
    );
  });

  test('the same secret never looks alike twice, nor like itself', () => {
    const [one, two] = [seal.seal('secret', 'c'), seal.seal('secret', 'c')];
    assert.notEqual(one, two);
    assert.ok(!Buffer.from(one.split('.')[1] ?? '', 'base64url').includes('secret'));
  });

  test('any altered character is noticed', () => {
    const sealed = seal.seal('a secret of some length', 'context');
    for (let at = 0; at < sealed.length - 1; at++) {
      const other = sealed[at] === 'A' ? 'B' : 'A';
      assert.throws(() => seal.open(sealed.slice(0, at) + other + sealed.slice(at + 1), 'context'));
    }
  });

  test('a text that is cut short is noticed, its authentication tag included', () => {
    const sealed = seal.seal('', 'context');
    for (let length = 0; length < sealed.length; length++) {
      assert.throws(() => seal.open(sealed.slice(0, length), 'context'));
    }
  });

  test('another master key opens nothing', () => {
    const sealed = seal.seal('secret', 'context');
    assert.throws(() => createSeal(randomBytes(32)).open(sealed, 'context'));
  });
});

describe('the master key', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-seal-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('is made once, readable by its owner alone, and found again', async () => {
    const data = join(folder, 'data');
    const seals = await Promise.all([openSeal(data, {}), openSeal(data, {}), openSeal(data, {})]);
    const sealed = seals[0]!.seal('secret', 'context');
    for (const seal of [...seals, await openSeal(data, {})]) {
      assert.equal(seal.open(sealed, 'context'), 'secret');
    }
    assert.deepEqual(await readdir(data), ['master-key']);
    assert.equal((await stat(join(data, 'master-key'))).mode & 0o777, 0o600);
  });

  test('comes from SLUICE_MASTER_KEY when that is set, and no file is made', async () => {
    const data = join(folder, 'from-environment');
    const environment = { SLUICE_MASTER_KEY: 'm'.repeat(32) };
    const sealed = (await openSeal(data, environment)).seal('secret', 'context');
    assert.equal((await openSeal(folder, environment)).open(sealed, 'context'), 'secret');
    await assert.rejects(stat(data));
    await assert.rejects(openSeal(data, { SLUICE_MASTER_KEY: 'short' }), /fewer than 32/);
  });

  test('a file that is no key is an error, not a new key', async () => {
    const data = await mkdtemp(join(folder, 'broken-'));
    await writeFile(join(data, 'master-key'), 'half a k');
    await assert.rejects(openSeal(data, {}), /is no master key/);
  });
});
