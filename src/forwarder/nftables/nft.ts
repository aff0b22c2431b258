import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { limits } from '../../limits.ts';
import { spawnTethered, withoutSecrets } from '../../private-process.ts';
import { getCommand, parseCounters, parseGot } from './counters.ts';
import { suffix } from './render.ts';
import type { Service } from './service.ts';
import { noTable, parseTable, type Table } from './table.ts';

/** nft did not take a transaction, or cannot be run at all. Nothing of it is in the kernel. */
export class NftRefused extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'NftRefused';
  }
}

interface Waiting {
  readonly lines: readonly string[];
  readonly resolve: (isTold: boolean) => void;
  readonly reject: (error: unknown) => void;
}

interface Pending {
  readonly lines: readonly string[];
  pid: number | undefined;
  /** Undefined: the monitor has ended. */
  readonly tell: (told: readonly string[] | undefined) => void;
}

export interface NftOptions {
  /** The Sluice that the table is of: `instanceName`. Absent: the only one there is. */
  readonly instance?: string;
  /** A file for transactions: nft cannot read what Node pipes into it. */
  readonly file: string;
  /** Somebody else changed the table, or nobody can tell any more whether one did. */
  readonly onDoubt: () => void;
}

/** How every line names the table. Only here does it become that of one Sluice. */
const tableName = 'sluice';

/**
 * Runs nft. Changes that wait at the same time are one transaction. What the kernel took is read
 * from `nft monitor`, in a millisecond however much the table holds, where a listing takes a
 * second with 5,000 listeners.
 */
export class Nft {
  readonly #options: NftOptions;
  /** The table's name in the kernel. */
  readonly #table: string;
  readonly #waiting: Waiting[] = [];
  /** The transaction whose end is waited for. */
  #pending: Pending | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  /** A reading that has not begun. */
  #reading: Promise<Table> | undefined;
  #monitor: ReturnType<typeof spawnTethered> | undefined;
  /** The monitor has told of a transaction: it is up. */
  #isTelling = false;
  #isClosed = false;

  constructor(options: NftOptions) {
    this.#options = options;
    const { instance } = options;
    this.#table = instance === undefined ? tableName : `${tableName}_${instance}`;
  }

  /**
   * Carries out one change, whole or not at all.
   * @returns whether the kernel has told of it as it was written; else it is to be read back
   * @throws NftRefused with nft's own words
   */
  commit(lines: readonly string[]): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ lines, resolve, reject });
      if (this.#waiting.length === 1) void this.#inTurn(() => this.#commitAll());
    });
  }

  /** The table as the kernel has it now; who waits together shares it. @throws NftRefused */
  read(): Promise<Table> {
    this.#reading ??= this.#inTurn(async () => {
      this.#reading = undefined;
      const { code, output, errors } = await runNft(['-j', 'list', 'table', 'inet', this.#table]);
      if (code === 0) return parseTable(output);
      if (/No such file or directory/.test(errors)) return noTable;
      throw refusalIn(errors);
    });
    return this.#reading;
  }

  /** What the kernel has counted by now; waits for no change. @throws NftRefused */
  async counters(): Promise<ReturnType<typeof parseCounters>> {
    const { code, output, errors } = await runNft([
      '-j',
      'list',
      'sets',
      'table',
      'inet',
      this.#table,
    ]);
    if (code !== 0) throw refusalIn(errors);
    return parseCounters(output);
  }

  /** What the kernel has counted of these listeners alone. @throws NftRefused */
  async countersOf(services: readonly Service[]): Promise<ReturnType<typeof parseGot>> {
    const { code, output, errors } = await runNft([this.#named(getCommand(services))]);
    if (code !== 0) throw refusalIn(errors);
    return parseGot(output);
  }

  /** Earlier builds had one table for all, whose rules would come before these. */
  async dropShared(): Promise<void> {
    // It fails where there is none, as almost everywhere.
    if (this.#table !== tableName) await runNft([`delete table inet ${tableName}`]);
  }

  /**
   * The other Sluice whose rules take an address and port.
   * @returns the name of its table; undefined: none
   */
  async otherAt(service: Pick<Service, 'family' | 'address' | 'protocol' | 'port'>) {
    const { family, address, protocol, port } = service;
    const { output } = await runNft(['list', 'tables', 'inet']);
    const tables = [...output.matchAll(/^table inet (sluice_[0-9a-f]{8})$/gm)].map(([, n]) => n!);
    for (const table of tables.filter((each) => each !== this.#table)) {
      const element = `services${suffix(family)} { ${address} . ${protocol} . ${port} }`;
      const { code } = await runNft([`get element inet ${table} ${element}`]);
      if (code === 0) return table;
    }
    return undefined;
  }

  /** Begins to listen for changes that others make. */
  watch(): void {
    if (this.#monitor !== undefined || this.#isClosed) return;
    const monitor = spawnTethered('nft', ['monitor']);
    this.#monitor = monitor;
    let lines: string[] = [];
    monitor.stdout.on('end', () => monitor.stdin.end());
    createInterface({ input: monitor.stdout }).on('line', (line) => {
      const [, pid] = /^# new generation \d+ by process (\d+)/.exec(line) ?? [];
      if (pid === undefined) {
        if (lines.length < limits.nftLines) lines.push(this.#unnamed(line));
        return;
      }
      this.#told(Number(pid), lines);
      lines = [];
    });
    monitor.on('error', () => {
      // 'close' follows, and tells.
    });
    monitor.on('close', () => {
      this.#monitor = undefined;
      this.#isTelling = false;
      this.#pending?.tell(undefined);
      if (this.#isClosed) return;
      // Whatever happened meanwhile went unseen.
      setTimeout(() => {
        this.watch();
        this.#options.onDoubt();
      }, limits.nftRestart).unref();
    });
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#turn;
    this.#monitor?.stdin.end();
  }

  /** Lines for the kernel. */
  #named(lines: string): string {
    return lines
      .replaceAll(` inet ${tableName} `, ` inet ${this.#table} `)
      .replaceAll(new RegExp(` inet ${tableName}$`, 'gm'), ` inet ${this.#table}`);
  }

  /** A line of the kernel as ours are written; one of another table stays another's. */
  #unnamed(line: string): string {
    return line.replace(new RegExp(` inet ${this.#table}(?= |$)`), ` inet ${tableName}`);
  }

  #told(pid: number, told: readonly string[]): void {
    this.#isTelling = true;
    const pending = this.#pending;
    // In a container the kernel's number of a process is not ours: then its rules tell.
    const isOwn = pending?.pid === pid || (rules(told).length > 0 && isSame(pending?.lines, told));
    if (isOwn) pending?.tell(told);
    else if (told.some((line) => / inet sluice(?: |$)/.test(line))) this.#options.onDoubt();
  }

  async #commitAll(): Promise<void> {
    const batch = this.#waiting.splice(0);
    try {
      const isTold = await this.#transact(batch.flatMap(({ lines }) => lines));
      for (const { resolve } of batch) resolve(isTold);
    } catch (error) {
      if (batch.length === 1) return batch[0]!.reject(error);
      // One of them spoiled it for all.
      for (const { lines, resolve, reject } of batch) {
        await this.#transact(lines).then(resolve, reject);
      }
    }
  }

  async #transact(lines: readonly string[]): Promise<boolean> {
    const { file } = this.#options;
    writeFileSync(file, this.#named(`${lines.join('\n')}\n`), { mode: 0o600 });
    const told = new Promise<readonly string[] | undefined>((tell) => {
      this.#pending = { lines, tell, pid: undefined };
    });
    const pending = this.#pending!;
    try {
      const { code, errors } = await runNft(['-f', file], (pid) => {
        pending.pid = pid;
      });
      if (code !== 0) throw refusalIn(errors);
      if (!this.#isTelling) return false;
      const late = new AbortController();
      const pause = delay(limits.nftTold, undefined, { signal: late.signal });
      const seen = await Promise.race([told, pause]);
      late.abort();
      pause.catch(() => {
        // Aborted: nobody waits for it any more.
      });
      return isSame(lines, seen);
    } finally {
      // News that come later pass for somebody else's, which costs a reading.
      this.#pending = undefined;
    }
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(act, act);
    // A failure is its caller's to handle.
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

/** True when the kernel told of every rule that was written, in order. */
function isSame(written: readonly string[] = [], told: readonly string[] | undefined): boolean {
  return told !== undefined && rules(written).join() === rules(told).join();
}

function rules(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const [, chain, comment] = /^add rule inet sluice (\S+) .*comment "(\w+)"/.exec(line) ?? [];
    return chain === undefined ? [] : [`${chain} ${comment}`];
  });
}

/** Runs nft. @throws NftRefused when it is not there */
export function runNft(
  args: readonly string[],
  onPid: (pid: number) => void = () => {},
): Promise<{ code: number | null; output: string; errors: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('nft', args, { env: withoutSecrets(), stdio: ['ignore', 'pipe', 'pipe'] });
    if (child.pid !== undefined) onPid(child.pid);
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    child.on('error', () => reject(new NftRefused('nftables (nft) is not installed')));
    child.on('close', (code) => resolve({ code, output, errors }));
  });
}

/** What nft said, as an error. */
export function refusalIn(errors: string): NftRefused {
  return new NftRefused(firstLine(errors));
}

function firstLine(errors: string): string {
  const [line = ''] = errors.split('\n').filter((each) => each.trim() !== '');
  // Whoever reads it has not our folders.
  const words = line.replace(/^\S+:\d+:\d+-\d+: /, '').replace(/^Error: /, '');
  return `nft: ${words.slice(0, 300) || 'no reason given'}`;
}
