import { hash } from 'node:crypto';

/**
 * The hash of a set of load balancers: 64 bits of SHA-256 of each one's JSON text, XORed. Adding,
 * removing or replacing one costs one hash, however large the set.
 * @param text JSON.stringify(loadBalancer), so that both ends hash the same bytes
 */
export function hashOf(text: string): bigint {
  return hash('sha256', text, 'buffer').readBigUInt64BE(0);
}

/** As it travels: 16 hexadecimal digits. */
export function formatHash(value: bigint): string {
  return value.toString(16).padStart(16, '0');
}
