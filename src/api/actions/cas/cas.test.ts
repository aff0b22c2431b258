import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Bench, failsWith, openBench } from '../../../../test/support/call.ts';
import { makeCertificate, type TestCertificate } from '../../../../test/support/certificates.ts';
import type { Certificate } from '../../../elb/types.ts';
import { limits } from '../../../limits.ts';
import { keys } from '../../../store/keys.ts';
import type { AuditRecord } from '../../audit-records.ts';
import {
  DeleteUserCertificate,
  GetUserCertificateDetail,
  ListUserCertificateOrder,
  UploadUserCertificate,
} from './index.ts';

const day = 86_400_000;
const root = makeCertificate({ name: 'root.test', isAuthority: true });
const leaf = makeCertificate({ name: 'leaf.test', issuer: root, days: 90 });
const plain = makeCertificate({ name: 'plain.test', key: ['rsa:2048'] });

let bench: Bench;

before(async () => {
  bench = await openBench();
  bench.clock.now = Date.now();
});
after(() => bench.close());

let uploads = 0;

async function upload({ cert, key }: TestCertificate, more: Record<string, unknown> = {}) {
  uploads += 1;
  const parameters = { Name: `certificate-${uploads}`, Cert: cert, Key: key, ...more };
  return (await bench.call(UploadUserCertificate, parameters)).output;
}

const detail = async (CertId: number, more = {}) =>
  (await bench.call(GetUserCertificateDetail, { CertId, ...more })).output;
const list = async (more: Record<string, unknown> = {}) =>
  (await bench.call(ListUserCertificateOrder, { OrderType: 'UPLOAD', ...more })).output;
const remove = (CertId: number, how = {}) => bench.call(DeleteUserCertificate, { CertId }, how);

describe('an uploaded certificate', () => {
  test('is shown with its chain and its time, and never with its key', async () => {
    const { CertId, ResourceId } = await upload(leaf, { Name: '叶 1' });
    const shown = await detail(CertId);
    assert.equal(shown.Name, '叶 1');
    assert.equal(shown.InstanceId, ResourceId);
    assert.equal(shown.CertIdentifier, `${CertId}-cn-hangzhou`);
    assert.equal(shown.Common, 'leaf.test');
    assert.equal(shown.Sans, 'leaf.test,localhost,127.0.0.1');
    assert.equal(shown.Algorithm, 'ECC');
    assert.equal(shown.Issuer, 'root.test');
    assert.deepEqual([shown.Country, shown.OrgName], ['CN', 'Sluice']);
    assert.equal(shown.Expired, false);
    assert.match(shown.Fingerprint, /^[0-9A-F]{40}$/);
    assert.match(shown.Sha2, /^[0-9A-F]{64}$/);
    assert.equal(shown.EndDate, new Date(shown.NotAfter).toISOString().slice(0, 10));
    assert.equal(shown.Cert, leaf.cert);
    assert.equal(shown.CertChain.length, 2);
    const [own] = shown.CertChain;
    assert.deepEqual([own.CommonName, own.IssuerCommonName], ['leaf.test', 'root.test']);
    assert.ok(own.RemainDay === 89 || own.RemainDay === 90);
    assert.equal((await detail(CertId, { CertFilter: true })).Cert, undefined);
    assert.doesNotMatch(JSON.stringify(shown), /PRIVATE KEY/);
  });

  test('leaves no key in the audit records of its upload and its deletion', async () => {
    const { CertId } = await upload(plain);
    await remove(CertId);
    const { entries } = await bench.store.range('audit/');
    assert.ok(entries.length > 0);
    for (const { value } of entries) assert.doesNotMatch(value, /PRIVATE KEY/);
    const last = JSON.parse(entries.at(-1)!.value) as AuditRecord;
    const record = last.changes.find(({ key }) => key === keys.certificate(String(CertId)));
    assert.equal(record?.before?.key, '******');
  });

  test('is kept in order, however it was laid out', async () => {
    const wild = `\r\n${leaf.cert.replaceAll('\n', '\r\n\r\n')}  `;
    const { CertId } = await upload({ cert: wild, key: ` \n${leaf.key}\n\n` });
    assert.equal((await detail(CertId)).Cert, leaf.cert);
    const stored = await bench.read<Certificate>(keys.certificate(String(CertId)));
    assert.match(stored!.key, /^-----BEGIN PRIVATE KEY-----\n[^-]+-----END PRIVATE KEY-----\n$/);
  });

  test('may have a key with its curve before it', async () => {
    const curve = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
    assert.ok((await upload({ ...leaf, key: `${curve}${leaf.key}` })).CertId);
  });

  test('has a name of its own, given back when it is deleted', async () => {
    const { CertId } = await upload(leaf, { Name: 'mine' });
    await assert.rejects(upload(plain, { Name: 'mine' }), failsWith('InvalidName', /exists/));
    await remove(CertId);
    assert.ok((await upload(plain, { Name: 'mine' })).CertId);
    const unnamed = await bench.call(UploadUserCertificate, { Cert: leaf.cert, Key: leaf.key });
    const { CertId: id } = unnamed.output;
    assert.equal((await detail(id)).Name, `cert-${id}`);
  });
});

describe('an upload is refused, and nothing kept,', () => {
  const weak = makeCertificate({ key: ['rsa:1024'] });
  const edwards = makeCertificate({ key: ['ed25519'] });
  const cert = 'InvalidCert';
  const key = 'InvalidKey';
  const cases: Record<string, [Partial<TestCertificate>, string, RegExp]> = {
    'that is no PEM': [{ cert: 'certificate' }, cert, /not a chain/],
    'with text behind the chain': [{ cert: `${leaf.cert}x` }, cert, /not a chain/],
    'with a key in the chain': [{ cert: `${leaf.cert}${leaf.key}` }, cert, /not a chain/],
    'with bytes that are no certificate': [
      { cert: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' },
      cert,
      /cannot be read/,
    ],
    'with a stranger in the chain': [
      { cert: `${leaf.cert}${plain.cert}` },
      cert,
      /Certificate 3 is not the issuer/,
    ],
    'in the wrong order': [
      { cert: `${root.cert}${leaf.cert.slice(0, -root.cert.length)}`, key: root.key },
      cert,
      /Certificate 2 is not the issuer/,
    ],
    'with too many certificates': [{ cert: root.cert.repeat(11), key: root.key }, cert, /than 10/],
    'without a key in it': [{ key: leaf.cert }, key, /not one private key/],
    'with another key': [{ key: plain.key }, key, /not the key of/],
    'with two keys': [{ key: leaf.key + plain.key }, key, /not one private key/],
    'with an encrypted key': [
      { key: leaf.key.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE') },
      key,
      /unencrypted/,
    ],
    'with a damaged key': [{ key: leaf.key.replace(/\n..../, '\nAAAA') }, key, /cannot be read/],
    'with a key of a kind that browsers lack': [edwards, key, /neither RSA nor EC/],
    'that is too weak': [weak, cert, /cannot be served/],
  };
  for (const [name, [parts, code, reason]] of Object.entries(cases)) {
    test(name, async () => {
      const before = (await bench.store.range('')).revision;
      await assert.rejects(upload({ ...leaf, ...parts }), failsWith(code, reason));
      assert.equal((await bench.store.range('')).revision, before);
    });
  }

  test('that is larger than HAProxy takes at once', async () => {
    const names = Array.from({ length: 500 }, (_, at) => `host-${at}.${'x'.repeat(20)}.test`);
    await assert.rejects(
      upload(makeCertificate({ names })),
      failsWith(cert, new RegExp(`${limits.certificateBytes}`)),
    );
  });

  test('that has expired', async () => {
    bench.clock.now += 400 * day;
    await assert.rejects(upload(plain), failsWith(cert, /expired/));
    bench.clock.now -= 400 * day;
  });

  test('without Cert or Key', async () => {
    await assert.rejects(upload({ cert: '', key: leaf.key }), failsWith('MissingCert'));
    await assert.rejects(upload({ cert: leaf.cert, key: '' }), failsWith('MissingKey'));
  });
});

describe('the list', () => {
  test('has uploaded certificates alone, by page, word and status', async () => {
    const own = await openBench();
    own.clock.now = Date.now();
    const ask = async (more: object) =>
      (await own.call(ListUserCertificateOrder, { ...more })).output;
    for (const [Name, { cert, key }] of Object.entries({ leaf, plain })) {
      await own.call(UploadUserCertificate, { Name, Cert: cert, Key: key });
    }
    const names = async (more: object) => {
      const { CertificateOrderList, TotalCount } = await ask({ OrderType: 'CERT', ...more });
      assert.equal(TotalCount, CertificateOrderList.length);
      return CertificateOrderList.map(({ Name }: { Name: string }) => Name).sort();
    };
    assert.deepEqual(await names({}), ['leaf', 'plain']);
    assert.deepEqual(await names({ OrderType: 'CPACK' }), []);
    assert.deepEqual((await ask({})).CertificateOrderList, []);
    assert.deepEqual(await names({ Keyword: 'PLAIN.t' }), ['plain']);
    assert.deepEqual(await names({ Keyword: 'nothing' }), []);
    const page = await ask({ OrderType: 'UPLOAD', ShowSize: 1, CurrentPage: 2 });
    assert.deepEqual([page.CertificateOrderList.length, page.TotalCount], [1, 2]);
    own.clock.now += 61 * day;
    assert.deepEqual(await names({ Status: 'ISSUED' }), ['plain']);
    assert.deepEqual(await names({ Status: 'WILLEXPIRED' }), ['leaf']);
    own.clock.now += 30 * day;
    assert.deepEqual(await names({ Status: 'EXPIRED' }), ['leaf']);
    assert.deepEqual(await names({}), ['plain']);
    assert.deepEqual(await names({ Status: 'REVOKED' }), []);
    await own.close();
  });

  test('and every other action, know nothing of another account', async () => {
    const { CertId } = await upload(leaf);
    const stranger = { account: '2000000000000002' };
    const theirs = await bench.call(ListUserCertificateOrder, { OrderType: 'CERT' }, stranger);
    assert.deepEqual(theirs.output.CertificateOrderList, []);
    await assert.rejects(
      bench.call(GetUserCertificateDetail, { CertId }, stranger),
      failsWith('NotFound'),
    );
    await assert.rejects(remove(CertId, stranger), failsWith('NotFound'));
    assert.ok((await list({ ShowSize: 1_000 })).TotalCount > 0);
  });
});

test('an unknown certificate is not found; what is no id is invalid', async () => {
  await assert.rejects(detail(1), failsWith('NotFound'));
  await assert.rejects(remove(1), failsWith('NotFound'));
  await assert.rejects(remove('a' as never), failsWith('InvalidCertId'));
});

test('a dry run uploads and deletes nothing', async () => {
  const extensions = { dryRun: true };
  const parameters = { Name: 'dry', Cert: leaf.cert, Key: leaf.key };
  await bench.call(UploadUserCertificate, parameters, { extensions });
  assert.ok((await upload(leaf, { Name: 'dry' })).CertId);
});
