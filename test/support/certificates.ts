import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate and its key, both in PEM. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateOptions {
  readonly name?: string;
  /** As `openssl req -newkey` has it. */
  readonly key?: readonly string[];
  readonly days?: number;
  /** Signs it; itself when absent. */
  readonly issuer?: TestCertificate;
  /** May sign others. */
  readonly isAuthority?: boolean;
}

const ec = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];

/** A fresh certificate for `name` and localhost, made by the openssl command. */
export function makeCertificate(options: CertificateOptions = {}): TestCertificate {
  const { name = 'a.test', key = ec, days = 365, issuer, isAuthority = false } = options;
  const folder = mkdtempSync(join(tmpdir(), 'certificate-'));
  const path = (file: string) => join(folder, file);
  const openssl = (...words: string[]) => execFileSync('openssl', words, { stdio: 'pipe' });
  try {
    openssl(
      ...['req', '-x509', '-newkey', ...key, '-nodes', '-days', String(days), '-sha256'],
      ...['-subj', `/C=CN/O=Sluice/CN=${name}`],
      ...['-addext', `subjectAltName=DNS:${name},DNS:localhost,IP:127.0.0.1`],
      ...['-addext', `basicConstraints=critical,CA:${isAuthority ? 'TRUE' : 'FALSE'}`],
      ...['-keyout', path('key.pem'), '-out', path('cert.pem')],
    );
    const [cert, ownKey] = ['cert.pem', 'key.pem'].map((file) => readFileSync(path(file), 'utf8'));
    const own = { cert: cert!, key: ownKey! };
    return issuer === undefined ? own : { ...own, cert: signed(folder, own, issuer, days) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The chain of a certificate that `issuer` signs, that of the issuer included. */
function signed(folder: string, own: TestCertificate, issuer: TestCertificate, days: number) {
  const path = (file: string, text: string) => {
    writeFileSync(join(folder, file), text);
    return join(folder, file);
  };
  const cert = execFileSync(
    'openssl',
    [
      ...['x509', '-in', path('own.pem', own.cert), '-days', String(days), '-sha256'],
      ...['-CA', path('issuer.pem', issuer.cert), '-CAkey', path('issuer-key.pem', issuer.key)],
      ...['-set_serial', '0x1234567890'],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' },
  );
  return `${cert}${issuer.cert}`;
}
