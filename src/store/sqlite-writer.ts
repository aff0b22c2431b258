import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { limits } from '../limits.ts';
import type { WorkerAnswer, WorkerRequest, WorkerSettings } from './sqlite-worker.ts';
import { type Commit, type CommitResult, StoreUnavailable } from './store.ts';

interface Pending {
  readonly commit: Commit;
  resolve(result: CommitResult): void;
  reject(reason: StoreUnavailable): void;
}

export interface GroupWriterOptions {
  /** A commit that is durable now; called in the order of revisions, before it is answered. */
  readonly onCommitted: (commit: Commit, revision: number, absent: ReadonlySet<string>) => void;
  /** The thread has ended; nothing can be written any more. */
  readonly onLost: (error: StoreUnavailable) => void;
}

/**
 * Starts the writing thread.
 * @returns the thread and the revision its file stands at
 * @throws Error when the file is in use, unreadable, or of a newer version
 */
export async function startWorker(
  settings: WorkerSettings,
): Promise<{ readonly worker: Worker; readonly revision: number }> {
  const worker = new Worker(new URL('./sqlite-worker.ts', import.meta.url), {
    workerData: settings,
  });
  const [answer] = (await once(worker, 'message')) as [WorkerAnswer];
  if (answer.kind === 'ready') return { worker, revision: answer.revision };
  throw new Error(answer.kind === 'refused' ? answer.message : `unexpected ${answer.kind}`);
}

/**
 * Group commit: while one transaction is under way, commits wait, and go into the next one
 * together, since an fsync costs the same for one as for many.
 */
export class GroupWriter {
  readonly #worker: Worker;
  readonly #options: GroupWriterOptions;
  #waiting: Pending[] = [];
  #running: Pending[] = [];
  #scheduled = false;
  #ended: StoreUnavailable | undefined;
  #exited = false;
  #drained: (() => void) | undefined;

  constructor(worker: Worker, options: GroupWriterOptions) {
    this.#worker = worker;
    this.#options = options;
    worker.on('message', (answer: WorkerAnswer) => this.#answered(answer));
    worker.on('error', (error) => this.#lost(error as Error));
    worker.on('exit', (code) => {
      this.#exited = true;
      this.#lost(new Error(`exit code ${code}`));
    });
  }

  /** See Store.commit. */
  commit(commit: Commit): Promise<CommitResult> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(this.#ended);
      } else if (this.#waiting.length >= limits.commitQueue) {
        reject(new StoreUnavailable('too many commits wait for the disk', 'nothing-changed'));
      } else {
        this.#waiting.push({ commit, resolve, reject });
        this.#schedule();
      }
    });
  }

  /** Finishes what is queued, then ends the thread. */
  async close(): Promise<void> {
    this.#ended ??= new StoreUnavailable('the store is closed', 'nothing-changed');
    if (this.#running.length + this.#waiting.length > 0) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    if (this.#exited) return;
    this.#worker.postMessage({ kind: 'close' } satisfies WorkerRequest);
    await once(this.#worker, 'exit');
  }

  /** Behind everything this turn of the event loop still brings, so that it shares the fsync. */
  #schedule(): void {
    if (this.#scheduled || this.#running.length > 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#start();
    });
  }

  #start(): void {
    this.#running = this.#waiting.splice(0, limits.groupCommit);
    if (this.#running.length === 0) {
      this.#drained?.();
      return;
    }
    const commits = this.#running.map(({ commit }) => commit);
    this.#worker.postMessage({ kind: 'transaction', commits } satisfies WorkerRequest);
  }

  #answered(answer: WorkerAnswer): void {
    const running = this.#running;
    this.#running = [];
    if (answer.kind === 'done') {
      this.#settle(running, answer);
    } else if (answer.kind === 'failed') {
      const error = new StoreUnavailable(answer.message, answer.outcome);
      for (const { reject } of running) reject(error);
    }
    this.#schedule();
  }

  #settle(
    running: readonly Pending[],
    { revisions, absent }: Extract<WorkerAnswer, { kind: 'done' }>,
  ): void {
    const absentOf = Map.groupBy(absent, ([index]) => index);
    running.forEach(({ commit, resolve }, index) => {
      const revision = revisions[index] as number | null;
      if (revision === null) {
        resolve({ committed: false });
        return;
      }
      const none = new Set(absentOf.get(index)?.map(([, key]) => key));
      this.#options.onCommitted(commit, revision, none);
      resolve({ committed: true, revision });
    });
  }

  #lost(cause: Error): void {
    const closed = this.#ended !== undefined && this.#running.length + this.#waiting.length === 0;
    if (closed) return;
    const message = `the writing thread is lost: ${cause.message}`;
    this.#ended = new StoreUnavailable(message, 'nothing-changed', { cause });
    const unknown = new StoreUnavailable(message, 'unknown', { cause });
    for (const { reject } of this.#running.splice(0)) reject(unknown);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
    this.#options.onLost(this.#ended);
    this.#drained?.();
  }
}
