import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { limits } from '../limits.ts';
import { type Log, reasonOf } from '../log.ts';

/** Paths of PEM files: the certificate with its issuers behind it, and its key. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** What an HTTPS server of Node is given; older protocols than TLS 1.2 are refused. */
export interface TlsOptions {
  readonly cert: string;
  readonly key: string;
  readonly minVersion: 'TLSv1.2';
}

/** The certificate that a door shows, followed as its files change. */
export interface DoorTls {
  readonly options: TlsOptions;
  /** Hands over what the files hold each time they have changed to something that fits. */
  follow(use: (options: TlsOptions) => void): void;
  /** Whether a certificate (DER) is the one that the door shows now. */
  shows(certificate: Buffer): boolean;
  close(): void;
}

/**
 * Reads the certificate and key of a door, and looks at their files again and again: whoever
 * renews them has nobody to tell. Files that cannot be used leave the door as it is.
 * @throws Error when the files cannot be read or do not fit each other
 */
export async function openTls(files: TlsFiles, log: Log): Promise<DoorTls> {
  let { options, certificate } = await read(files);
  let timer: NodeJS.Timeout | undefined;
  let refused = '';
  const look = async (use: (options: TlsOptions) => void): Promise<void> => {
    try {
      const found = await read(files);
      refused = '';
      if (found.options.cert === options.cert && found.options.key === options.key) return;
      use(found.options);
      ({ options, certificate } = found);
      const { subject, validTo } = certificate;
      log.info({ subject, validTo }, 'the door shows another certificate');
    } catch (error) {
      const reason = reasonOf(error);
      if (reason !== refused) log.error({ reason }, 'the door keeps the certificate that it has');
      refused = reason;
    }
  };
  return {
    get options() {
      return options;
    },
    follow: (use) => {
      const again = () => {
        timer = setTimeout(() => void look(use).then(again), limits.tlsLook).unref();
      };
      again();
    },
    shows: (shown) => certificate.raw.equals(shown),
    close: () => clearTimeout(timer),
  };
}

async function read({ cert: certFile, key: keyFile }: TlsFiles) {
  const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
  const options: TlsOptions = { cert, key, minVersion: 'TLSv1.2' };
  try {
    // Reads both, and refuses a key that is not the certificate's.
    createSecureContext(options);
    return { options, certificate: new X509Certificate(cert) };
  } catch (error) {
    throw new Error(`${certFile} and ${keyFile} cannot be used: ${reasonOf(error)}`);
  }
}
