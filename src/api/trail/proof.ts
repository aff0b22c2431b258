import { createHmac, createSecretKey, hash, timingSafeEqual } from 'node:crypto';
import { createSeal } from '../../sealing.ts';
import type { Entry, Write } from '../../store/store.ts';

/** Makes and tells records that only a control plane with the master key can have written. */
export interface Proof {
  /** A record as it is stored: its JSON, with a proof over key and text at the end. */
  sign(key: string, record: object): Write;
  /** The same of the JSON text of an object that has members. */
  signText(key: string, text: string): Write;
  isGenuine(entry: Pick<Entry, 'key' | 'value'>): boolean;
  /** A token that says nothing of the text in it. */
  hide(text: string): string;
  /** That text again; undefined for a token that is not one of ours. */
  reveal(token: string): string | undefined;
}

/** The end of a proven text; base64url of 32 bytes. */
const proofForm = /,"mac":"([\w-]{43})"\}$/;

/** Proofs are HMAC-SHA256 under 32 bytes of key. They say nothing of order: seals do. */
export function createProof(secret: Buffer): Proof {
  const macKey = createSecretKey(secret);
  const seal = createSeal(createHmac('sha256', macKey).update('tokens').digest());
  const macOf = (key: string, text: string) =>
    createHmac('sha256', macKey).update(`${key}\n`).update(text).digest();
  const signText = (key: string, text: string): Write => {
    const mac = macOf(key, text).toString('base64url');
    return { key, value: `${text.slice(0, -1)},"mac":"${mac}"}` };
  };
  return {
    signText,
    sign: (key, record) => signText(key, JSON.stringify(record)),
    hide: (text) => Buffer.from(seal.seal(text, 'token')).toString('base64url'),
    reveal: (token) => {
      try {
        return seal.open(Buffer.from(token, 'base64url').toString(), 'token');
      } catch {
        // Made up, or made by another installation.
        return undefined;
      }
    },
    isGenuine({ key, value }) {
      const found = proofForm.exec(value);
      if (found === null) return false;
      const given = Buffer.from(found[1]!, 'base64url');
      return timingSafeEqual(given, macOf(key, `${value.slice(0, found.index)}}`));
    },
  };
}

/** What stands for a stored text in a seal. */
export function digestOf(value: string): string {
  return hash('sha256', value, 'base64url');
}
