import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { reasonOf } from '../../log.ts';
import type { ServerCertificate } from '../certificates.ts';
import type { Carried } from './render.ts';
import { replaceFile } from './section-files.ts';
import type { Give, Run } from './worker.ts';

/** What a listener shows its clients: the file that HAProxy knows it by, and what is in it. */
export interface ListenerPem {
  /** Of the listener's sections. */
  readonly prefix: string;
  readonly path: string;
  readonly pem: string;
}

export interface Prepared {
  /** Listeners that can be loaded. */
  readonly ready: readonly Carried[];
  readonly pems: readonly ListenerPem[];
  readonly lacking: readonly { readonly listener: string; readonly reason: string }[];
}

/** The folder with one file per HTTPS listener, for its owner alone: chain and key. */
export class CertificateFiles {
  readonly #folder: string;
  readonly #find: (id: string) => ServerCertificate | undefined;
  /** The certificate that each file has, by id. */
  readonly #ids = new Map<string, string>();

  /** @param find the certificate of an id, where it has come */
  constructor(folder: string, find: (id: string) => ServerCertificate | undefined) {
    this.#folder = folder;
    this.#find = find;
  }

  /**
   * Puts the certificates of a load balancer on disk. A listener whose certificate has not come
   * goes on with the one that it has; one that has none cannot be loaded.
   */
  prepare(carried: readonly Carried[]): Prepared {
    const ready: Carried[] = [];
    const pems: ListenerPem[] = [];
    const lacking: { listener: string; reason: string }[] = [];
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    for (const listener of carried) {
      const { name, prefix, certificate } = listener;
      if (certificate === undefined) {
        ready.push(listener);
        continue;
      }
      const path = join(this.#folder, certificate.file);
      const before = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
      const pem = this.#pemOf(certificate.id, before);
      const reason =
        pem === undefined
          ? `certificate ${certificate.id} has not come`
          : pem !== before && notWritten(path, pem);
      if (reason) lacking.push({ listener: name, reason });
      const shown = pem ?? before;
      // What has no file cannot be loaded; what has another one shows the wanted one all the same.
      if (shown === undefined || (reason && before === undefined)) continue;
      ready.push(listener);
      pems.push({ prefix, path, pem: shown });
      if (!reason) this.#ids.set(certificate.file, certificate.id);
    }
    return { ready, pems, lacking };
  }

  /**
   * Writes files again that were deleted since: HAProxy loads no listener whose certificate has
   * none. Where the disk does not take one, the load says so.
   */
  restore(): void {
    for (const [file, id] of this.#ids) {
      const path = join(this.#folder, file);
      const pem = existsSync(path) ? undefined : this.#pemOf(id, undefined);
      if (pem !== undefined) notWritten(path, pem);
    }
  }

  /** Takes away what a load balancer has no listener for any more. */
  sweep(loadBalancerId: string, carried: readonly Carried[]): void {
    const kept = new Set(carried.map(({ certificate }) => certificate?.file));
    for (const file of readdirSync(this.#folder)) {
      if (!file.startsWith(`${loadBalancerId}.`) || kept.has(file)) continue;
      rmSync(join(this.#folder, file), { force: true });
      this.#ids.delete(file);
    }
  }

  /** A key that cannot be opened may be on disk already, behind the same chain. */
  #pemOf(id: string, before: string | undefined): string | undefined {
    const found = this.#find(id);
    if (found?.key !== undefined) return `${found.chain}${found.key}`;
    return found !== undefined && before?.startsWith(found.chain) ? before : undefined;
  }
}

/** Writes a file. @returns why it could not be */
function notWritten(path: string, pem: string): string | undefined {
  try {
    replaceFile(path, pem);
    return undefined;
  } catch (error) {
    return `its certificate cannot be written: ${reasonOf(error)}`;
  }
}

/** What one worker shows its clients. */
export class ShownCertificates {
  readonly #run: Run;
  readonly #give: Give;
  /** Digests of what was committed or found, by path. */
  readonly #known = new Map<string, string>();
  /** HAProxy has one transaction at a time for all certificates. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(run: Run, give: Give) {
    this.#run = run;
    this.#give = give;
  }

  /** @returns why a certificate is not shown; undefined when it is, read back */
  show(wanted: ListenerPem): Promise<string | undefined> {
    const shown = this.#last.then(() => this.#show(wanted));
    this.#last = shown.catch(() => {
      // The caller has the error; the next one need not.
    });
    return shown;
  }

  async #show({ path, pem }: ListenerPem): Promise<string | undefined> {
    const digest = createHash('sha256').update(pem).digest('hex');
    const answer = this.#known.get(path) === digest ? '' : await this.#commit(path, pem);
    const [text = ''] = await this.#run([`show ssl cert ${path}`]);
    const [, found] = /^SHA1 FingerPrint: ([0-9A-F]+)$/m.exec(text) ?? [];
    if (found === new X509Certificate(pem).fingerprint.replaceAll(':', '')) {
      this.#known.set(path, digest);
      return undefined;
    }
    this.#known.delete(path);
    return `another certificate is served: ${(answer || text).slice(0, 200)}`;
  }

  /** @returns what HAProxy said */
  async #commit(path: string, pem: string): Promise<string> {
    const set = await this.#give(`set ssl cert ${path}`, pem);
    const [, open] = /(?:is about '|for certificate )([A-Za-z0-9/._@+~-]+)/.exec(set) ?? [];
    if (open !== undefined && open !== path) {
      // Left by a life of ours that ended in the midst of it; 2.6 takes ours for more of that.
      await this.#run([`abort ssl cert ${open}`]);
      return this.#commit(path, pem);
    }
    const [committed = ''] = await this.#run([`commit ssl cert ${path}`]);
    return `${set} ${committed}`.replaceAll(/\s+/g, ' ').trim();
  }
}
