import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { type Action, defineAction, versions } from '../src/api/actions/action.ts';
import type { Call } from '../src/api/call.ts';
import { createDispatch } from '../src/api/dispatch.ts';
import { createListener } from '../src/api/listen.ts';
import { Nonces } from '../src/api/nonces.ts';
import { Throttle } from '../src/api/throttle.ts';
import { authorise } from '../src/ram/authorise.ts';
import { inTurns, median, medianRatio } from './rounds.ts';
import { runWrk, signedPath, startEcho } from './wrk.ts';

const clients = 64;
const seconds = 2;
const rounds = 5;
/** Each nonce counts once, so there must be more requests than a round can use up. */
const requestsPerRound = 80_000;
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
  const door = startDoor();
  const echo = startEcho();
  try {
    const doorPort = await door.listen();
    const echoPort = await echo.listen();
    const rates = await inTurns(rounds, {
      echo: () => runWrk({ port: echoPort, clients, seconds, paths: freshPaths() }),
      door: () => runWrk({ port: doorPort, clients, seconds, paths: freshPaths() }),
    });
    const ratio = medianRatio(rates.door, rates.echo);
    return { echo: median(rates.echo), door: median(rates.door), ratio };
  } finally {
    await door.close();
    await echo.close();
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
    identities: { userName: () => undefined, policiesOf: () => [] },
    openToken: () => undefined,
    signedIn: async () => undefined,
    onKeyUsed: () => {},
    accessKeys: { find: async (id) => (id === key.id ? { ...record, ...key } : undefined) },
    nonces: new Nonces(Date.now),
    throttle: new Throttle('off', Date.now),
    holdBack: async () => {},
    authorise,
    sites: { placed: async (resource) => resource },
    diagnoses: { seal: () => '' },
    createCall: () => ({ answer: {} }) as unknown as Call,
    now: Date.now,
    onFault,
    onAnswer: () => {},
    onCall: () => {},
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

function freshPaths(): string[] {
  const parameters = { LoadBalancerId: 'lb-5s7crik3yo6vs2ssumalzkqtf', PageSize: '10' };
  return Array.from({ length: requestsPerRound }, () =>
    signedPath(key, 'DescribeNothing', parameters),
  );
}

if (import.meta.main) {
  const { echo, door, ratio } = await measureDoor();
  console.log(`echo ${echo.toFixed(0)}/s, door ${door.toFixed(0)}/s, ratio ${ratio.toFixed(2)}`);
}
