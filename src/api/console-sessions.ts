import { limits } from '../limits.ts';
import { keys } from '../store/keys.ts';
import type { Entry, Store } from '../store/store.ts';
import type { AccessKeys } from './access-keys.ts';
import { principalOf, type SignedIn } from './authenticate.ts';
import type { Identities } from './identities.ts';
import type { ConsoleSession } from './sessions.ts';
import { WatchedView } from './watched-view.ts';

/** A sign-in, kept until its session would end by itself: so no ticket counts twice. */
interface SignInRecord {
  readonly v: 1;
  /** Unix milliseconds. */
  readonly expiresAt: number;
  /** Signed out. */
  readonly ended?: true;
}

export interface ConsoleSessionsOptions {
  readonly store: Store;
  readonly accessKeys: Pick<AccessKeys, 'find'>;
  readonly identities: Pick<Identities, 'userName'>;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Told of a record that cannot be read; its session then counts as ended. */
  readonly onFault: (error: unknown, key: string) => void;
}

/**
 * Who is signed in at the console, on whichever control plane: a local view of the sign-ins that
 * a watch keeps true, so that proving a call costs no trip to the store.
 */
export class ConsoleSessions {
  readonly #options: ConsoleSessionsOptions;
  readonly #known = new Map<string, SignInRecord>();
  #view: WatchedView | undefined;

  private constructor(options: ConsoleSessionsOptions) {
    this.#options = options;
  }

  /**
   * Reads every sign-in and follows them until closed.
   * @throws StoreUnavailable
   */
  static async open(options: ConsoleSessionsOptions): Promise<ConsoleSessions> {
    const opened = new ConsoleSessions(options);
    opened.#view = await WatchedView.open(options.store, {
      prefix: keys.consoleSessions,
      learn: (key, value) => opened.#learn(key, value),
      clear: () => opened.#known.clear(),
    });
    return opened;
  }

  /**
   * Begins a session, once.
   * @returns false when one with this id has begun before
   * @throws StoreUnavailable
   */
  async begin(id: string, expiresAt: number): Promise<boolean> {
    const key = keys.consoleSession(id);
    return this.#write({ v: 1, expiresAt }, key, 0);
  }

  /**
   * Ends a session on every control plane. Resolves once this one goes by it.
   * @throws StoreUnavailable
   */
  async end(id: string): Promise<void> {
    const key = keys.consoleSession(id);
    // Only another sign-out writes it besides, so one that comes between is just as good.
    const entry = await this.#options.store.get(key);
    const record = entry && this.#read(entry);
    if (record === undefined || record.ended) return;
    await this.#write({ ...record, ended: true }, key, entry!.revision);
  }

  /**
   * Whom a session stands for: whoever its access key stands for now.
   * @returns undefined when it has ended, or its access key or user is gone or inactive
   * @throws StoreUnavailable for a session that the view lacks while the store is away
   */
  async signedIn(session: ConsoleSession): Promise<SignedIn | undefined> {
    const { accessKeys, identities, now } = this.#options;
    const record = await this.#find(session.console.id);
    if (record === undefined || record.ended || session.expiresAt <= now()) return undefined;
    const key = await accessKeys.find(session.console.accessKeyId);
    if (key?.status !== 'Active') return undefined;
    const { account, principal } = key;
    const isGone =
      principal.kind === 'user' && identities.userName(account, principal.id) === undefined;
    return isGone ? undefined : { account, principal: principalOf(key, identities) };
  }

  close(): void {
    this.#view?.close();
  }

  async #find(id: string): Promise<SignInRecord | undefined> {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    // Begun at another control plane, of which the watch has not told yet.
    const entry = await this.#options.store.get(keys.consoleSession(id));
    return entry && this.#read(entry);
  }

  async #write(record: SignInRecord, key: string, ifRevision: number): Promise<boolean> {
    const outcome = await this.#options.store.commit({
      ifRevision: new Map([[key, ifRevision]]),
      puts: [{ key, value: JSON.stringify(record) }],
      deletes: this.#expired(),
    });
    if (outcome.committed) await this.#view?.reached(outcome.revision);
    return outcome.committed;
  }

  /** Keys of a few sign-ins whose time is over; nothing renews one. */
  #expired(): string[] {
    const now = this.#options.now();
    return this.#known
      .entries()
      .filter(([, { expiresAt }]) => expiresAt <= now)
      .take(limits.sweep)
      .map(([id]) => keys.consoleSession(id))
      .toArray();
  }

  #learn(key: string, value: string | null): void {
    const id = key.slice(keys.consoleSessions.length);
    const record = value === null ? undefined : this.#read({ key, value });
    if (record === undefined) this.#known.delete(id);
    else this.#known.set(id, record);
  }

  #read({ key, value }: Pick<Entry, 'key' | 'value'>): SignInRecord | undefined {
    try {
      return JSON.parse(value) as SignInRecord;
    } catch (error) {
      this.#options.onFault(error, key);
      return undefined;
    }
  }
}
