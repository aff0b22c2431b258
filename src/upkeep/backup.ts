import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { limits } from '../limits.ts';
import type { Snapshot } from '../store/snapshot.ts';
import type { Entry } from '../store/store.ts';

/** First line of a backup. The others are `[key, revision, value]`, the last a `BackupEnd`. */
export interface BackupHeader {
  readonly sluice: 'backup';
  readonly v: 1;
  readonly revision: number;
  readonly time: string;
  /** Only where it was asked for: whoever has it can read every secret of the backup. */
  readonly masterKey?: string;
}

/** Last line: a file without it is not whole. */
interface BackupEnd {
  readonly records: number;
  /** Of all lines before it, ends included. */
  readonly sha256: string;
}

/**
 * Writes a snapshot as JSON lines, mode 600; the file appears under its name once it is whole and
 * on the disk.
 * @returns how many records it has
 */
export async function writeBackup(
  path: string,
  snapshot: Snapshot,
  header: BackupHeader,
): Promise<number> {
  const draft = `${path}.part`;
  const file = await open(draft, 'w', 0o600);
  const sum = createHash('sha256');
  let records = 0;
  let waiting = '';
  const flush = async () => {
    sum.update(waiting);
    await file.write(waiting);
    waiting = '';
  };
  const write = async (line: string) => {
    waiting += `${line}\n`;
    if (waiting.length >= limits.backupChunk) await flush();
  };
  try {
    await write(JSON.stringify(header));
    for (const { key, revision, value } of snapshot.entries) {
      await write(JSON.stringify([key, revision, value]));
      records += 1;
    }
    await flush();
    const end: BackupEnd = { records, sha256: sum.digest('hex') };
    await file.write(`${JSON.stringify(end)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
  return records;
}

/**
 * The header of a backup that is whole.
 * @throws Error for any other file
 */
export async function checkBackup(path: string): Promise<BackupHeader> {
  const sum = createHash('sha256');
  let header: BackupHeader | undefined;
  let records = -1;
  let last: string | undefined;
  for await (const line of linesOf(path)) {
    if (last !== undefined) {
      sum.update(`${last}\n`);
      records += 1;
    }
    header ??= headerOf(line, path);
    last = line;
  }
  const due: BackupEnd = { records, sha256: sum.digest('hex') };
  if (header === undefined || last !== JSON.stringify(due)) {
    throw new Error(`${path} is not whole: its end is missing or does not fit`);
  }
  return header;
}

/** The records of a backup, in the order of their keys. */
export async function* recordsOf(path: string): AsyncIterable<Entry> {
  for await (const line of linesOf(path)) {
    if (!line.startsWith('[')) continue;
    const [key, revision, value] = JSON.parse(line) as [string, number, string];
    yield { key, revision, value };
  }
}

function headerOf(line: string, path: string): BackupHeader {
  let header: Partial<BackupHeader> = {};
  try {
    header = JSON.parse(line) as Partial<BackupHeader>;
  } catch {
    // Said below, as for any other first line that is none.
  }
  if (header.sluice !== 'backup') throw new Error(`${path} is no backup of Sluice`);
  if (header.v !== 1) throw new Error(`${path} was written by a newer version of Sluice`);
  return header as BackupHeader;
}

function linesOf(path: string): AsyncIterable<string> {
  const input = createReadStream(path, 'utf8');
  return createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
}
