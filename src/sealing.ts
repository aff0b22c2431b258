import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** Encryption by one key: AES-256-GCM. */
export interface Seal {
  /** Text that only `open` with the same context reads; the context is authenticated. */
  seal(secret: string, context: string): string;
  /** @throws when the text was altered, belongs to another context or to another key */
  open(sealed: string, context: string): string;
  /** 32 bytes that only the holder of the key can derive (HKDF-SHA256), others for each purpose. */
  derive(purpose: string): Buffer;
}

const version = 'v1';
const cipherName = 'aes-256-gcm';
/** Said when opening too: a tag that was cut short would else be held against less. */
const whole = { authTagLength: 16 };

/** A seal under 32 bytes of key. */
export function createSeal(key: Buffer): Seal {
  return {
    seal(secret, context) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv(cipherName, key, nonce, whole).setAAD(Buffer.from(context));
      const body = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
      const bytes = Buffer.concat([nonce, cipher.getAuthTag(), body]);
      return `${version}.${bytes.toString('base64url')}`;
    },
    open(sealed, context) {
      const [tag, text = ''] = sealed.split('.', 2);
      if (tag !== version) throw new Error('a sealed text of an unknown version');
      const bytes = Buffer.from(text, 'base64url');
      const decipher = createDecipheriv(cipherName, key, bytes.subarray(0, 12), whole)
        .setAAD(Buffer.from(context))
        .setAuthTag(bytes.subarray(12, 28));
      return decipher.update(bytes.subarray(28), undefined, 'utf8') + decipher.final('utf8');
    },
    derive: (purpose) => Buffer.from(hkdfSync('sha256', key, '', purpose, 32)),
  };
}

/**
 * Reads a sealed JSON value.
 * @returns undefined where it was altered, or sealed for something else or by somebody else
 */
export function openSealed<Value>(
  sealed: string,
  context: string,
  open: Seal['open'],
): Value | undefined {
  try {
    return JSON.parse(open(sealed, context)) as Value;
  } catch {
    // The seal says only that it does not fit; whoever sent it is told no more either.
    return undefined;
  }
}

/**
 * The seal between a control plane and one forwarder: both derive its key (HKDF-SHA256) from the
 * forwarder's access key secret, so what it seals says nothing on the way or on the disk.
 */
export function forwarderSeal(key: {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}): Seal {
  const info = `sluice forwarder ${key.accessKeyId}`;
  return createSeal(Buffer.from(hkdfSync('sha256', key.accessKeySecret, '', info, 32)));
}
