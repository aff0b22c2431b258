import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { makeCertificate } from '../support/certificates.ts';
import { rootKey, type Sluice, startSluice } from '../support/sluice.ts';
import { callGenerically } from './generic-client.ts';

/** Certificates by Alibaba Cloud's own client (Node, generic, signature V3). */

let sluice: Sluice;
before(async () => {
  sluice = await startSluice({ mode: 'control-plane' });
});
after(() => sluice.stop());

const call = (action: string, query: Record<string, string>) =>
  callGenerically(sluice.endpoint, rootKey, { action, version: '2020-04-07', query });

const refusedWith = (code: string) => (error: unknown) =>
  (error as { readonly code: string }).code === code;

test('a certificate is uploaded, listed, shown and deleted', async () => {
  const { cert, key } = makeCertificate({ name: 'client.test', key: ['rsa:2048'] });
  const { CertId } = await call('UploadUserCertificate', { Name: 'mine', Cert: cert, Key: key });
  assert.ok(Number.isSafeInteger(CertId));
  const listed = await call('ListUserCertificateOrder', { OrderType: 'UPLOAD' });
  assert.equal(listed.TotalCount, 1);
  const [order] = listed.CertificateOrderList;
  assert.deepEqual(
    [order.CertificateId, order.Name, order.CommonName, order.Upload, order.Expired],
    [CertId, 'mine', 'client.test', true, false],
  );
  const shown = await call('GetUserCertificateDetail', { CertId: String(CertId) });
  assert.equal(shown.Id, CertId);
  assert.equal(shown.Cert, cert);
  assert.equal(shown.Key, undefined);
  assert.ok((await call('DeleteUserCertificate', { CertId: String(CertId) })).RequestId);
  await assert.rejects(
    call('GetUserCertificateDetail', { CertId: String(CertId) }),
    refusedWith('NotFound'),
  );
});

test('what is no certificate is refused with a code that users can look for', async () => {
  const { cert, key } = makeCertificate();
  const other = makeCertificate();
  await assert.rejects(
    call('UploadUserCertificate', { Cert: 'none', Key: key }),
    refusedWith('InvalidCert'),
  );
  await assert.rejects(
    call('UploadUserCertificate', { Cert: cert, Key: other.key }),
    refusedWith('InvalidKey'),
  );
});
