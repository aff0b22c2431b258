import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { type Action, defineAction, versions } from '../src/api/actions/action.ts';
import type { Call } from '../src/api/call.ts';
import { createDispatch } from '../src/api/dispatch.ts';
import { createListener } from '../src/api/listen.ts';
import { Nonces } from '../src/api/nonces.ts';
import { Throttle } from '../src/api/throttle.ts';
import { evaluate } from '../src/ram/evaluate.ts';
import { canonicalQuery, isoSeconds, signV1, stringToSignV1 } from '../src/signing.ts';

const clients = 64;
const seconds = 3;
const rounds = 3;
/** Each nonce counts once, so there must be more requests than a round can use up. */
const requestsPerRound = 150_000;
const key = { id: 'LTAI5tBenchKey0000000001', secret: 'BenchSecret0123456789abcdefghi' };

export interface DoorFigures {
  /** Calls a second; medians of the rounds. */
  readonly echo: number;
  readonly door: number;
  /** door / echo */
  readonly ratio: number;
}

/**
 * Signed calls of an action that does nothing, and the same requests to a bare node:http echo:
 * 64 kept-alive connections from wrk, in turns.
 * @throws when wrk is absent, or any answer is not 200
 */
export async function measureDoor(): Promise<DoorFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  const door = startDoor();
  const echo = startEcho();
  try {
    const doorPort = await door.listen();
    const echoPort = await echo.listen();
    const rates = { echo: [] as number[], door: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      const script = await writeRequests(folder);
      rates.echo.push(await run(script, echoPort));
      rates.door.push(await run(script, doorPort));
    }
    const [echoRate, doorRate] = [median(rates.echo), median(rates.door)];
    return { echo: echoRate, door: doorRate, ratio: doorRate / echoRate };
  } finally {
    await door.close();
    await echo.close();
    await rm(folder, { recursive: true, force: true });
  }
}

const describeNothing = defineAction({
  name: 'DescribeNothing',
  product: 'Ens',
  access: 'get',
  summary: 'Answers what it was asked.',
  input: z.object({
    LoadBalancerId: z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
    PageSize: z.int().min(1).max(100).optional(),
  }),
  output: z.object({ LoadBalancerId: z.string() }),
  errors: [],
  limits: { perApi: 100, perAccount: 10 },
  run: async ({ LoadBalancerId }) => ({ LoadBalancerId }),
});

function startDoor() {
  const onFault = (error: unknown) => console.error(error);
  const principal = { kind: 'root' } as const;
  const record = { v: 1, account: '1', principal, status: 'Active', createTime: '' } as const;
  const dispatch = createDispatch({
    catalogue: new Map<string, Action>([[`${versions.Ens} DescribeNothing`, describeNothing]]),
    accessKeys: { find: async (id) => (id === key.id ? { ...record, ...key } : undefined) },
    nonces: new Nonces(Date.now),
    throttle: new Throttle('off', Date.now),
    authorise: evaluate,
    createCall: () => ({ answer: {} }) as unknown as Call,
    now: Date.now,
    onFault,
    onAnswer: () => {},
  });
  const server = createListener({ dispatch, isReady: async () => true, onFault });
  return {
    listen: async () => {
      await server.listen({ host: '127.0.0.1', port: 0 });
      return (server.server.address() as AddressInfo).port;
    },
    close: () => server.close(),
  };
}

function startEcho() {
  const server = http.createServer((request, response) => {
    response.end(request.url);
  });
  return {
    listen: () =>
      new Promise<number>((resolve) => {
        server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
      }),
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * A wrk script that sends a file's freshly signed paths in turn, from the start again at the end:
 * the echo may get that far, and the door then refuses, which fails the round.
 */
async function writeRequests(folder: string): Promise<string> {
  const paths = Array.from({ length: requestsPerRound }, signedPath).join('\n');
  await writeFile(join(folder, 'paths'), `${paths}\n`);
  const script = join(folder, 'requests.lua');
  await writeFile(
    script,
    [
      'local paths, at = {}, 0',
      `for path in io.lines("${join(folder, 'paths')}") do paths[#paths + 1] = path end`,
      'function request()',
      '  at = at % #paths + 1',
      '  return wrk.format("POST", paths[at])',
      'end',
    ].join('\n'),
  );
  return script;
}

function signedPath(): string {
  const parameters: [string, string][] = Object.entries({
    Action: 'DescribeNothing',
    Version: versions.Ens,
    Format: 'JSON',
    AccessKeyId: key.id,
    SignatureMethod: 'HMAC-SHA1',
    SignatureVersion: '1.0',
    SignatureNonce: randomBytes(16).toString('hex'),
    Timestamp: isoSeconds(Date.now()),
    LoadBalancerId: 'lb-5s7crik3yo6vs2ssumalzkqtf',
    PageSize: '10',
  });
  const signature = signV1(key.secret, stringToSignV1('POST', parameters));
  return `/?${canonicalQuery([...parameters, ['Signature', signature]])}`;
}

async function run(script: string, port: number): Promise<number> {
  const { stdout } = await promisify(execFile)('wrk', [
    ...['-t', '1', '-c', String(clients), '-d', `${seconds}s`, '-s', script],
    `http://127.0.0.1:${port}`,
  ]);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`answers other than 200:\n${stdout}`);
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1];
  if (rate === undefined) throw new Error(`wrk said:\n${stdout}`);
  return Number(rate);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

if (import.meta.main) {
  const { echo, door, ratio } = await measureDoor();
  console.log(`echo ${echo.toFixed(0)}/s, door ${door.toFixed(0)}/s, ratio ${ratio.toFixed(2)}`);
}
