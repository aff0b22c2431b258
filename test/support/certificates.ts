import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate with its issuers behind it, and its key, in PEM. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateOptions {
  readonly name?: string;
  /** More that it is for. */
  readonly names?: readonly string[];
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
  const {
    name = 'a.test',
    names = [],
    key = ec,
    days = 365,
    issuer,
    isAuthority = false,
  } = options;
  const all = [name, 'localhost', ...names].map((each) => `DNS:${each}`);
  const folder = mkdtempSync(join(tmpdir(), 'certificate-'));
  const path = (file: string) => join(folder, file);
  const write = (file: string, text: string) => {
    writeFileSync(path(file), text);
    return path(file);
  };
  try {
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', ...key, '-nodes', '-days', String(days), '-sha256'],
        ...['-subj', `/C=CN/O=Sluice/CN=${name}`],
        ...['-addext', `subjectAltName=${all},IP:127.0.0.1`],
        ...['-addext', `basicConstraints=critical,CA:${isAuthority ? 'TRUE' : 'FALSE'}`],
        ...['-keyout', path('key.pem'), '-out', path('cert.pem')],
        ...(issuer === undefined ? [] : ['-CA', write('issuer.pem', issuer.cert)]),
        ...(issuer === undefined ? [] : ['-CAkey', write('issuer-key.pem', issuer.key)]),
      ],
      { stdio: 'pipe' },
    );
    const read = (file: string) => readFileSync(path(file), 'utf8');
    return { cert: `${read('cert.pem')}${issuer?.cert ?? ''}`, key: read('key.pem') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
