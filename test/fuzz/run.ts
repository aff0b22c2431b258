import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Sluice } from '../support/sluice.ts';
import { Connection, type Reply, throwBytes } from './connection.ts';
import { type Fuzz, fuzzAt } from './grammar.ts';

export interface FuzzOptions {
  readonly sluice: Sluice;
  readonly requests: number;
  readonly seed: number;
  /** Ids that the server knows. */
  readonly known: readonly string[];
}

export interface FuzzReport {
  readonly statuses: ReadonlyMap<number, number>;
  /** Answers that no request may get, with the index that repeats them. */
  readonly faults: readonly string[];
  /** Calls of another client meanwhile: answered, and the longest wait in milliseconds. */
  readonly others: { readonly answered: number; readonly longestMs: number };
  /** Resident memory of the server in bytes, after a tenth of the requests and at the end. */
  readonly memory: { readonly early: number; readonly late: number };
}

const connections = 24;

/** Sends a server `requests` fuzzed requests over kept-alive connections. */
export async function fuzz({ sluice, requests, seed, known }: FuzzOptions): Promise<FuzzReport> {
  const { endpoint } = sluice;
  const { host } = new URL(endpoint);
  const statuses = new Map<number, number>();
  const faults: string[] = [];
  const memory = { early: 0, late: 0 };
  let next = 0;
  const worker = async () => {
    const connection = new Connection(endpoint);
    while (next < requests && faults.length < 10) {
      const index = next++;
      if (index === Math.floor(requests / 10)) memory.early = residentBytes(sluice);
      const what = fuzzAt(seed, index, host, known);
      const fault = await ask(connection, endpoint, what).then(
        (reply) => {
          statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1);
          return wrongWith(what, reply);
        },
        (error: unknown) => String(error),
      );
      if (fault !== undefined) {
        faults.push(`--seed ${seed}, request ${index}: ${fault}\n${what.bytes.toString('latin1')}`);
        connection.close();
      }
    }
    connection.close();
  };
  const finished = new AbortController();
  const witness = watchOthers(sluice, finished.signal);
  await Promise.all(Array.from({ length: connections }, worker));
  finished.abort();
  const others = await witness;
  memory.late = residentBytes(sluice);
  return { statuses, faults, others, memory };
}

function ask(connection: Connection, endpoint: string, { kind, bytes }: Fuzz): Promise<Reply> {
  if (kind === 'bytes') return throwBytes(endpoint, bytes);
  return connection.ask(bytes, bytes.subarray(0, 5).toString() === 'HEAD ');
}

/** Undefined for an answer that a request of this kind may get. */
function wrongWith({ kind }: Fuzz, { status, text }: Reply): string | undefined {
  if (status >= 500) return `answered ${text}`;
  if (status === 0) return kind === 'bytes' ? undefined : 'not answered';
  if (status === 200 || text.endsWith('\r\n\r\n')) return undefined;
  const body = text.slice(text.indexOf('\r\n\r\n') + 4);
  const isError = /^\{"RequestId":".+","Code":".+"|^<\?xml .*<Error>.*<Code>.+<\/Code>/.test(body);
  return isError ? undefined : `an error without a code: ${text}`;
}

/** Calls as somebody else does until told to stop; each call must be answered 200. */
async function watchOthers({ client }: Sluice, signal: AbortSignal) {
  let answered = 0;
  let longestMs = 0;
  while (!signal.aborted) {
    const begun = performance.now();
    await client.call('Sluice', 'DescribeSites', {});
    longestMs = Math.max(longestMs, performance.now() - begun);
    answered += 1;
    await delay(50);
  }
  return { answered, longestMs };
}

function residentBytes({ process }: Sluice): number {
  const status = readFileSync(`/proc/${process.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1_024;
}
