import { certificateContext, type DeliveredCertificate } from '../fleet/protocol.ts';
import { forwarderSeal, type Seal } from '../sealing.ts';

/** A certificate as an engine serves it. */
export interface ServerCertificate {
  /** PEM, the server's own certificate first. */
  readonly chain: string;
  /** PEM; undefined: it was sealed for an access key that this forwarder has no more. */
  readonly key: string | undefined;
}

type Delivered = ReadonlyMap<string, DeliveredCertificate>;

/**
 * The certificates of all sites of one forwarder. Keys stay sealed, in memory as in the journal,
 * until the engine asks for one.
 */
export class Certificates {
  readonly #seal: Seal;
  readonly #sites = new Map<string, Delivered>();

  constructor(accessKey: { readonly accessKeyId: string; readonly accessKeySecret: string }) {
    this.#seal = forwarderSeal(accessKey);
  }

  /** From now on a site's certificates are those of `delivered`, as it changes. */
  hold(site: string, delivered: Delivered): void {
    this.#sites.set(site, delivered);
  }

  release(site: string): void {
    this.#sites.delete(site);
  }

  /** Undefined: no site has it. */
  find(id: string): ServerCertificate | undefined {
    const found = [...this.#sites.values()].flatMap((site) => site.get(id) ?? []);
    if (found[0] === undefined) return undefined;
    const keys = found.flatMap((each) => this.#open(each) ?? []);
    return { chain: found[0].chain, key: keys[0] };
  }

  #open({ id, key }: DeliveredCertificate): string | undefined {
    try {
      return this.#seal.open(key, certificateContext(id));
    } catch {
      // Sealed for an earlier access key: the control plane sends it anew when it is reached.
      return undefined;
    }
  }
}
