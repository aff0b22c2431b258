import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** What a store was like when a process last began or ended to write it. */
interface Mark {
  readonly v: 1;
  /** It was not closed since: what it has answered may be in the write-ahead log alone. */
  readonly open: boolean;
  /** It has been at this revision, or beyond. */
  readonly revision: number;
}

/**
 * The files of a SQLite store, held against a mark beside them. SQLite takes a file that is gone
 * for an empty one, and a log that is gone for one with nothing in it: a store that has answered
 * changes would be accepted without them.
 */
export class StorePlace {
  readonly #path: string;
  readonly #log: string;
  readonly #markPath: string;
  readonly #mark: Mark | undefined;
  #isMarked = false;
  /** The files that are open, by device and inode. */
  #files: string | undefined;

  /** @throws Error when a file that was there is gone; before SQLite makes another */
  constructor(path: string) {
    this.#path = path;
    this.#log = `${path}-wal`;
    this.#markPath = `${path}-mark`;
    this.#mark = readMark(this.#markPath);
    const beginAnew = `to go on without it, remove ${this.#markPath}`;
    if (!existsSync(path) && (this.#mark !== undefined || existsSync(this.#log))) {
      throw new Error(
        `${path} is gone, and changes were kept in it: put it back with ${this.#log}, or ` +
          `restore a backup into another data folder; ${beginAnew} and ${this.#log}`,
      );
    }
    if (this.#mark?.open && !existsSync(this.#log)) {
      throw new Error(
        `${this.#log} is gone, and the newest changes were kept in it: put it back, or restore a ` +
          `backup into another data folder; ${beginAnew}`,
      );
    }
  }

  /**
   * Called once SQLite has the files open.
   * @throws Error when the store is behind what it was
   */
  opened(revision: number): void {
    if (this.#mark !== undefined && revision < this.#mark.revision) {
      throw new Error(
        `${this.#path} is at revision ${revision} and was at ${this.#mark.revision}: it is an ` +
          `older copy, or ${this.#log} is not its own; put both back, or restore a backup into ` +
          `another data folder; to go on with it, remove ${this.#markPath}`,
      );
    }
    this.#files = this.#find();
  }

  /**
   * Called before each write: what goes into a file that was deleted is gone with the process.
   * @returns why nothing may be written; undefined when all is in its place
   */
  fault(revision: number): string | undefined {
    if (this.#find() !== this.#files) {
      return (
        `${this.#path} or ${this.#log} was deleted or replaced while it was in use: nothing is ` +
        'written any more; put it back, or stop Sluice and restore a backup'
      );
    }
    if (this.#isMarked) return undefined;
    try {
      writeMark(this.#markPath, { v: 1, open: true, revision });
      this.#isMarked = true;
      return undefined;
    } catch (error) {
      return `${this.#markPath} cannot be written: ${String(error)}`;
    }
  }

  /** Called before SQLite closes the files. */
  closing(revision: number): void {
    if (!this.#isMarked) return;
    try {
      writeMark(this.#markPath, { v: 1, open: this.#find() !== this.#files, revision });
    } catch {
      // On a full disk it stays marked as open, and asks for the log, which stays too.
    }
  }

  #find(): string {
    return [this.#path, this.#log]
      .map((path) => statSync(path, { throwIfNoEntry: false }))
      .map((found) => (found === undefined ? 'none' : `${found.dev}:${found.ino}`))
      .join(' ');
  }
}

function readMark(path: string): Mark | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Mark;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`${path} cannot be read`, { cause: error });
  }
}

/** Whole and on the disk when it returns; until then the one before counts. */
function writeMark(path: string, mark: Mark): void {
  const file = openSync(`${path}.new`, 'w', 0o600);
  try {
    writeSync(file, `${JSON.stringify(mark)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
