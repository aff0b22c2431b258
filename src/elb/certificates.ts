import type { LoadBalancer } from './types.ts';

/** A listener's use of a certificate. */
export interface CertificateUse {
  /** The certificate's number: its id in the store. */
  readonly certificate: string;
  readonly port: number;
}

/**
 * The number in what a caller names a certificate by: `123` as Cas lists it, or `123-cn-hangzhou`,
 * the identifier that its detail shows.
 */
export function certificateNumber(certificateId: string): string {
  return certificateId.split('-', 1)[0]!;
}

/** Which certificates the listeners of a load balancer use, running or not. */
export function certificateUses({ listeners }: Pick<LoadBalancer, 'listeners'>): CertificateUse[] {
  return listeners.flatMap((listener) =>
    listener.protocol === 'https'
      ? [{ certificate: certificateNumber(listener.certificateId), port: listener.port }]
      : [],
  );
}
