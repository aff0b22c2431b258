import { randomBytes } from 'node:crypto';

/** An access key pair in clear. */
export interface AccessKeyPair {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

/** A new pair in the form of Alibaba's long-lived keys: `LTAI…` and a secret of 30 characters. */
export function newAccessKeyPair(): AccessKeyPair {
  return { accessKeyId: `LTAI5t${letters(18)}`, accessKeySecret: letters(30) };
}

/** A new pair in the form of temporary keys: `STS.…`. */
export function newTemporaryKeyPair(): AccessKeyPair {
  return { accessKeyId: `STS.N${letters(24)}`, accessKeySecret: letters(30) };
}

/** Letters and digits, each evenly drawn (bytes past the last whole multiple are skipped). */
function letters(count: number): string {
  const signs = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  let text = '';
  while (text.length < count) {
    for (const byte of randomBytes(count)) {
      if (byte < 248 && text.length < count) text += signs[byte % signs.length];
    }
  }
  return text;
}
