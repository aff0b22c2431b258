import type { PeerCertificate } from 'node:tls';
import { z } from 'zod';
import type { Certificate } from '../../../elb/types.ts';
import { limits } from '../../../limits.ts';
import { isoSeconds } from '../../../signing.ts';
import { certificatesOf } from './pem.ts';

/** How the actions of Cas show a certificate; names and types as its SDK has them. */

/** The status of a certificate, by its time alone. */
export type CertificateStatus = 'ISSUED' | 'WILLEXPIRED' | 'EXPIRED';

/** @param now Unix milliseconds */
export function statusOf({ notAfter }: Certificate, now: number): CertificateStatus {
  if (notAfter <= now) return 'EXPIRED';
  return notAfter - now <= limits.certificateNotice ? 'WILLEXPIRED' : 'ISSUED';
}

/** The id of the uploaded resource, such as `cas-upload-1njchs`. */
export function instanceId({ id }: Pick<Certificate, 'id'>): string {
  return `cas-upload-${Number(id).toString(36)}`;
}

const shared = {
  City: z.string(),
  Country: z.string(),
  EndDate: z.string().describe('yyyy-MM-dd, UTC.'),
  Expired: z.boolean(),
  Fingerprint: z.string().describe('SHA-1, hexadecimal.'),
  InstanceId: z.string(),
  Issuer: z.string(),
  Name: z.string(),
  OrgName: z.string(),
  Province: z.string(),
  Sans: z.string().describe('All names of the certificate, joined by commas.'),
  SerialNo: z.string(),
  Sha2: z.string().describe('SHA-256, hexadecimal.'),
  StartDate: z.string().describe('yyyy-MM-dd, UTC.'),
};

export const listedOutput = z.object({
  ...shared,
  CertificateId: z.int(),
  CommonName: z.string(),
  Upload: z.boolean(),
});

export const detailOutput = {
  ...shared,
  Algorithm: z.string(),
  BuyInAliyun: z.boolean(),
  Cert: z.string().optional(),
  CertChain: z.array(
    z.object({
      CommonName: z.string(),
      IssuerCommonName: z.string(),
      NotAfter: z.int(),
      NotBefore: z.int(),
      RemainDay: z.int(),
    }),
  ),
  CertIdentifier: z.string(),
  Common: z.string(),
  Id: z.int(),
  NotAfter: z.int().describe('Unix milliseconds.'),
  NotBefore: z.int().describe('Unix milliseconds.'),
};

export function listedView(certificate: Certificate, now: number): z.infer<typeof listedOutput> {
  const [leaf] = certificatesOf(certificate.chain);
  const { subject } = leaf!.toLegacyObject();
  return {
    ...sharedView(certificate, now),
    CertificateId: Number(certificate.id),
    CommonName: text(subject.CN),
    Upload: true,
  };
}

/** @param withCert whether to show the chain itself */
export function detailView(certificate: Certificate, now: number, withCert: boolean) {
  const chain = certificatesOf(certificate.chain);
  const leaf = chain[0]!.toLegacyObject();
  return {
    ...sharedView(certificate, now),
    Algorithm: chain[0]!.publicKey.asymmetricKeyType === 'rsa' ? 'RSA' : 'ECC',
    BuyInAliyun: false,
    ...(withCert ? { Cert: certificate.chain } : {}),
    CertChain: chain.map((each) => {
      const { subject, issuer } = each.toLegacyObject();
      const notAfter = each.validToDate.getTime();
      return {
        CommonName: text(subject.CN),
        IssuerCommonName: text(issuer.CN),
        NotAfter: notAfter,
        NotBefore: each.validFromDate.getTime(),
        RemainDay: Math.max(0, Math.floor((notAfter - now) / 86_400_000)),
      };
    }),
    CertIdentifier: `${certificate.id}-cn-hangzhou`,
    Common: text(leaf.subject.CN),
    Id: Number(certificate.id),
    NotAfter: certificate.notAfter,
    NotBefore: certificate.notBefore,
  };
}

function sharedView(certificate: Certificate, now: number) {
  const leaf = certificatesOf(certificate.chain)[0]!;
  const { subject, issuer } = leaf.toLegacyObject();
  return {
    City: text(subject.L),
    Country: text(subject.C),
    EndDate: dateOf(certificate.notAfter),
    Expired: certificate.notAfter <= now,
    Fingerprint: leaf.fingerprint.replaceAll(':', ''),
    InstanceId: instanceId(certificate),
    Issuer: text(issuer.CN) || text(issuer.O),
    Name: certificate.name,
    OrgName: text(subject.O),
    Province: text(subject.ST),
    Sans: (leaf.subjectAltName ?? '').replaceAll(/(^|, )[A-Za-z ]+:/g, (_, comma) => comma && ','),
    SerialNo: leaf.serialNumber.toLowerCase(),
    Sha2: leaf.fingerprint256.replaceAll(':', ''),
    StartDate: dateOf(certificate.notBefore),
  };
}

/** A name may have an attribute more than once. */
function text(value: PeerCertificate['subject'][string]): string {
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

function dateOf(time: number): string {
  return isoSeconds(time).slice(0, 10);
}
