import type { Certificate } from '../elb/types.ts';
import { limits } from '../limits.ts';
import { keys } from '../store/keys.ts';
import { parseRecord } from '../store/records.ts';
import type { Surroundings } from './follow.ts';

/**
 * The certificates that a site's load balancers use. A certificate never changes and cannot be
 * deleted while it is used, so each is read once, when the first load balancer begins to use it.
 */
export class SiteCertificates {
  readonly #surroundings: Surroundings;
  readonly #users = new Map<string, number>();
  readonly #held = new Map<string, Certificate>();

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** Those in use; their keys sealed as the store has them. */
  all(): readonly Certificate[] {
    return [...this.#held.values()];
  }

  /**
   * Reads those that are not in use yet.
   * @throws StoreUnavailable
   */
  async read(ids: Iterable<string>): Promise<ReadonlyMap<string, Certificate>> {
    const wanted = [...new Set(ids)].filter((id) => !this.#held.has(id));
    const found = new Map<string, Certificate>();
    for (let at = 0; at < wanted.length; at += limits.certificateReads) {
      const some = wanted.slice(at, at + limits.certificateReads);
      await Promise.all(some.map((id) => this.#readInto(found, id)));
    }
    return found;
  }

  /** One more load balancer uses these. @returns those that none used before */
  begin(ids: readonly string[], found: ReadonlyMap<string, Certificate>): Certificate[] {
    return ids.flatMap((id) => {
      this.#users.set(id, (this.#users.get(id) ?? 0) + 1);
      const certificate = found.get(id);
      if (certificate === undefined || this.#held.has(id)) return [];
      this.#held.set(id, certificate);
      return [certificate];
    });
  }

  /** One load balancer less uses these. */
  end(ids: readonly string[]): void {
    for (const id of ids) {
      const left = (this.#users.get(id) ?? 0) - 1;
      if (left > 0) {
        this.#users.set(id, left);
        continue;
      }
      this.#users.delete(id);
      this.#held.delete(id);
    }
  }

  async #readInto(found: Map<string, Certificate>, id: string): Promise<void> {
    const { store, log } = this.#surroundings;
    const entry = await store.get(keys.certificate(id));
    if (entry !== undefined) found.set(id, parseRecord<Certificate>(entry).value);
    else log.error({ certificate: id }, 'a certificate in use is gone');
  }
}
