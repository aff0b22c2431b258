import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { Refusal } from '../../../elb/refusal.ts';
import { limits } from '../../../limits.ts';

/** A certificate and its key that belong together and that every forwarder can load. */
export interface ServerCertificate {
  /** PEM, the server's own certificate first, nothing between and around. */
  readonly chain: string;
  /** PKCS#8 in PEM. */
  readonly key: string;
  readonly leaf: X509Certificate;
}

const certificateBlock =
  /-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)\s*-----END CERTIFICATE-----/g;
const keyBlock =
  /^-----BEGIN (?:(?:RSA|EC) )?PRIVATE KEY-----[A-Za-z0-9+/=\s]+-----END [A-Z ]+-----$/;
const parameterBlock = /^-----BEGIN EC PARAMETERS-----[A-Za-z0-9+/=\s]+-----END EC PARAMETERS-----/;

/**
 * Reads what an upload holds.
 * @param now Unix milliseconds
 * @throws Refusal InvalidCert, InvalidKey with the reason
 */
export function readServerCertificate(cert: string, key: string, now: number): ServerCertificate {
  const certificates = readChain(cert);
  const [leaf] = certificates as [X509Certificate, ...X509Certificate[]];
  if (leaf.validToDate.getTime() <= now) throw invalid('Cert', 'It has expired.');
  const privateKey = readKey(key);
  if (!leaf.checkPrivateKey(privateKey)) {
    throw invalid('Key', 'It is not the key of the certificate.');
  }
  const chain = certificates.map((each) => each.toString().trimEnd()).join('\n');
  const pem = {
    chain: `${chain}\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
  if (pem.chain.length + pem.key.length > limits.certificateBytes) {
    throw invalid('Cert', `With its key it has more than ${limits.certificateBytes} characters.`);
  }
  checkLoadable(pem.chain, pem.key);
  return { ...pem, leaf };
}

/** The certificates of a stored chain, the server's own first. */
export function certificatesOf(chain: string): X509Certificate[] {
  const bodies = Array.from(chain.matchAll(certificateBlock), ([, body = '']) => body);
  return bodies.map((body) => new X509Certificate(Buffer.from(body, 'base64')));
}

/** Each certificate must be issued by the next: clients may look no further. */
function readChain(text: string): X509Certificate[] {
  if (text.replace(certificateBlock, '').trim() !== '') {
    throw invalid('Cert', 'It is not a chain of certificates in PEM.');
  }
  let chain: X509Certificate[];
  try {
    chain = certificatesOf(text);
  } catch {
    // What OpenSSL says of its inside helps nobody.
    throw invalid('Cert', 'It holds a certificate that cannot be read.');
  }
  if (chain.length === 0) throw invalid('Cert', 'It holds no certificate.');
  if (chain.length > limits.certificateChain) {
    throw invalid('Cert', `It holds more than ${limits.certificateChain} certificates.`);
  }
  const stranger = chain.slice(1).findIndex((issuer, index) => !chain[index]!.checkIssued(issuer));
  if (stranger >= 0) {
    throw invalid('Cert', `Certificate ${stranger + 2} is not the issuer of the one before it.`);
  }
  return chain;
}

function readKey(text: string): KeyObject {
  const block = text
    .replaceAll(/\s*\n\s*/g, '\n')
    .trim()
    .replace(parameterBlock, '')
    .trim();
  if (!keyBlock.test(block)) throw invalid('Key', 'It is not one private key in PEM, unencrypted.');
  let key: KeyObject;
  try {
    key = createPrivateKey(block);
  } catch {
    // The same: its reasons are about bytes.
    throw invalid('Key', 'It cannot be read.');
  }
  if (key.asymmetricKeyType !== 'rsa' && key.asymmetricKeyType !== 'ec') {
    throw invalid('Key', 'It is neither RSA nor EC.');
  }
  return key;
}

/** OpenSSL refuses to serve what is too weak, as the one in a forwarder would. */
function checkLoadable(cert: string, key: string): void {
  try {
    createSecureContext({ cert, key, ciphers: 'DEFAULT@SECLEVEL=2' });
  } catch (error) {
    const { reason } = error as { reason?: string };
    throw invalid('Cert', `It cannot be served: ${reason ?? 'no reason was given'}.`);
  }
}

function invalid(parameter: 'Cert' | 'Key', detail: string): Refusal {
  return new Refusal('Invalid%s', parameter, detail);
}
