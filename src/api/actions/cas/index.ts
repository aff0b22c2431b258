import { randomInt } from 'node:crypto';
import { z } from 'zod';
import { Refusal } from '../../../elb/refusal.ts';
import type { Certificate } from '../../../elb/types.ts';
import { limits as bounds } from '../../../limits.ts';
import { isoSeconds } from '../../../signing.ts';
import { keys } from '../../../store/keys.ts';
import type { Call, Reads, Stored, Writes } from '../../call.ts';
import { defineAction } from '../action.ts';
import { label, multiline, nothing } from '../fields.ts';
import { pageOf } from '../paging.ts';
import { readServerCertificate } from './pem.ts';
import {
  detailOutput,
  detailView,
  instanceId,
  listedOutput,
  listedView,
  statusOf,
} from './views.ts';

/** Certificate Management Service: what HTTPS listeners need of it. */

/** Documented: 100 calls a second for each account. */
const limits = { perApi: 1_000, perAccount: 100 } as const;
const errors = ['Missing%s', 'Invalid%s', 'Forbidden.NoPermission'];

const certificateResource = (id: number | '*', account: string) =>
  `acs:yundun-cert:*:${account}:certificate/${id}`;

const certificateId = z
  .int()
  .min(1)
  .max(Number.MAX_SAFE_INTEGER)
  .describe('The ID of the certificate; ListUserCertificateOrder tells it.');

const pem = (what: string) => multiline(bounds.bodyBytes, `${what} in PEM.`);

interface Upload {
  readonly Name?: string | undefined;
  readonly Cert: string;
  readonly Key: string;
}

const uploaded = z.object({ CertId: z.int(), ResourceId: z.string() });

async function upload(
  input: Upload,
  call: Call,
  reads: Reads,
): Promise<Writes<z.infer<typeof uploaded>>> {
  const now = call.now();
  const { chain, key, leaf } = readServerCertificate(input.Cert, input.Key, now);
  // Numbers, as Cas has them; one that is taken fails below and another is drawn.
  const id = String(randomInt(10_000_000, 2 ** 31));
  const name = input.Name ?? `cert-${id}`;
  const { account } = call.caller;
  const [own, ownName] = [keys.certificate(id), keys.certificateName(account, name)];
  if ((await reads.get(ownName)) !== undefined) {
    throw new Refusal('Invalid%s', 'Name', 'The certificate name already exists.');
  }
  if ((await reads.get(own)) !== undefined) return upload(input, call, reads);
  const certificate: Certificate = {
    v: 1,
    id,
    account,
    name,
    chain,
    key: call.seal(key, own),
    createTime: isoSeconds(now),
    notBefore: leaf.validFromDate.getTime(),
    notAfter: leaf.validToDate.getTime(),
  };
  return {
    puts: new Map<string, unknown>([
      [own, certificate],
      [ownName, { v: 1, account, certificate: id }],
    ]),
    result: { CertId: Number(id), ResourceId: instanceId(certificate) },
  };
}

export const UploadUserCertificate = defineAction({
  name: 'UploadUserCertificate',
  product: 'Cas',
  access: 'create',
  summary: 'Uploads a certificate with its chain and its private key.',
  description:
    'RSA from 2048 bits, or EC. The key is stored encrypted and is never shown again. HTTPS ' +
    'listeners take the CertId as ServerCertificateId.',
  input: z.object({
    Name: label(1, 128).optional().describe('A name that no other certificate has.'),
    Cert: pem("The certificate and its issuers, the server's own first,"),
    Key: pem('The private key, unencrypted,').meta({ writeOnly: true }),
  }),
  output: uploaded,
  errors,
  limits,
  resource: (_, account) => certificateResource('*', account),
  run: (input, call) => call.transact((reads) => upload(input, call, reads)),
});

/** A name or an id that holds the keyword; capitals do not matter in either. */
function holds(certificate: z.infer<typeof listedOutput>, keyword: string): boolean {
  const { CommonName, Sans, InstanceId } = certificate;
  return `${CommonName},${Sans},${InstanceId}`.toLowerCase().includes(keyword.toLowerCase());
}

/** Documented; an uploaded certificate has one of the last three. */
const statuses = [
  'PAYED',
  'CHECKING',
  'CHECKED_FAIL',
  'NOTACTIVATED',
  'REVOKED',
  'ISSUED',
  'WILLEXPIRED',
  'EXPIRED',
] as const;

export const ListUserCertificateOrder = defineAction({
  name: 'ListUserCertificateOrder',
  product: 'Cas',
  access: 'list',
  summary: 'Lists uploaded certificates, with the day on which each expires.',
  description:
    'Only with OrderType CERT or UPLOAD: nothing is sold here, so there are no orders of the ' +
    'other types. Without Status, expired certificates are left out.',
  input: z.object({
    CurrentPage: z.int().min(1).max(1_000_000).default(1).describe('The page, from 1.'),
    ShowSize: z.int().min(1).max(1_000).default(50).describe('Entries on a page, 1 to 1000.'),
    Keyword: z.string().max(256).optional().describe('Part of a domain name or of InstanceId.'),
    OrderType: z
      .enum(['CPACK', 'BUY', 'UPLOAD', 'CERT'])
      .default('CPACK')
      .describe('What to list.'),
    Status: z
      .enum(statuses)
      .optional()
      .describe('ISSUED, WILLEXPIRED (within 30 days) or EXPIRED; others match none.'),
  }),
  output: z.object({
    CertificateOrderList: z.array(listedOutput),
    CurrentPage: z.int(),
    ShowSize: z.int(),
    TotalCount: z.int(),
  }),
  errors,
  limits,
  resource: (_, account) => certificateResource('*', account),
  async run({ CurrentPage, ShowSize, Keyword, OrderType, Status }, call) {
    const now = call.now();
    const isListed = OrderType === 'CERT' || OrderType === 'UPLOAD';
    const matches = async function* () {
      if (!isListed) return;
      for await (const { value } of call.list<Certificate>(keys.certificates)) {
        const status = statusOf(value, now);
        if (Status === undefined ? status === 'EXPIRED' : status !== Status) continue;
        if (Keyword === undefined || holds(listedView(value, now), Keyword)) yield value;
      }
    };
    const { items, TotalCount } = await pageOf(matches(), {
      PageNumber: CurrentPage,
      PageSize: ShowSize,
    });
    const CertificateOrderList = items.map((each) => listedView(each, now));
    return { CertificateOrderList, CurrentPage, ShowSize, TotalCount };
  },
});

/** @throws Refusal NotFound, also for another account's */
function owned(found: Stored<Certificate> | undefined, call: Call): Certificate {
  if (found?.value.account !== call.caller.account) throw new Refusal('NotFound');
  return found.value;
}

export const GetUserCertificateDetail = defineAction({
  name: 'GetUserCertificateDetail',
  product: 'Cas',
  access: 'get',
  summary: 'Shows a certificate, its chain and when it expires; its private key is never shown.',
  input: z.object({
    CertId: certificateId,
    CertFilter: z.boolean().default(false).describe('true: Cert is left out.'),
  }),
  output: z.object(detailOutput),
  errors: [...errors, 'NotFound'],
  limits,
  resource: ({ CertId }, account) => certificateResource(CertId, account),
  async run({ CertId, CertFilter }, call) {
    const found = await call.certificate(String(CertId));
    return detailView(owned(found, call), call.now(), !CertFilter);
  },
});

async function remove(
  id: string,
  call: Call,
  reads: Reads,
): Promise<Writes<Record<string, never>>> {
  const key = keys.certificate(id);
  // Read before the uses, and a condition of the commit: who begins to use the certificate
  // meanwhile has written it again, and this is looked at anew.
  const certificate = owned(await reads.get<Certificate>(key), call);
  const prefix = keys.certificateUses(id);
  const [use] = (await call.store.range(prefix, { limit: 1 })).entries;
  if (use !== undefined) {
    const [, loadBalancer, port] = use.key.slice(prefix.length).split('/');
    const detail = `${loadBalancer} uses it on port ${port}.`;
    throw new Refusal('CertificateInUse', undefined, detail);
  }
  return {
    deletes: [key, keys.certificateName(certificate.account, certificate.name)],
    result: {},
  };
}

export const DeleteUserCertificate = defineAction({
  name: 'DeleteUserCertificate',
  product: 'Cas',
  access: 'delete',
  summary: 'Deletes a certificate that no listener uses.',
  input: z.object({ CertId: certificateId }),
  output: nothing,
  errors: [...errors, 'NotFound', 'CertificateInUse'],
  limits,
  resource: ({ CertId }, account) => certificateResource(CertId, account),
  run: ({ CertId }, call) => call.transact((reads) => remove(String(CertId), call, reads)),
});

export const casActions = [
  UploadUserCertificate,
  ListUserCertificateOrder,
  GetUserCertificateDetail,
  DeleteUserCertificate,
];
