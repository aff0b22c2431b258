import assert from 'node:assert/strict';
import type { BlockList } from 'node:net';
import { z } from 'zod';
import type { AccessKey } from '../../src/api/access-keys.ts';
import { defineAction } from '../../src/api/actions/action.ts';
import { CreateConsoleTicket } from '../../src/api/actions/sluice/console.ts';
import { stsActions } from '../../src/api/actions/sts/index.ts';
import { ConsoleSessions } from '../../src/api/console-sessions.ts';
import { createListener } from '../../src/api/listen.ts';
import { openToken } from '../../src/api/sessions.ts';
import { createSeal } from '../../src/sealing.ts';
import { Asset } from '../../src/web/assets.ts';
import { serveConsole } from '../../src/web/console.ts';
import { SimulatedClock } from './clock.ts';
import { doorKey, openDoor } from './door.ts';
import { MemoryStore } from './memory-store.ts';

/** The account's key, and one of a forwarder with the same secret. */
export const pair = { accessKeyId: doorKey.id, accessKeySecret: doorKey.secret };
export const machine: AccessKey = {
  ...doorKey,
  id: 'LTAI5tMachine',
  principal: { kind: 'forwarder', site: 'local', name: 'f' },
};

const whole = { product: 'Sts', limits: { perApi: 100, perAccount: 100 } } as const;

const Watch = defineAction({
  ...whole,
  name: 'Watch',
  access: 'get',
  summary: 'Streams until its caller leaves.',
  input: z.object({}),
  output: z.object({}),
  errors: [],
  async *stream(_, { signal }) {
    yield '{"line":1}\n';
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    streams.ended += 1;
  },
  run: async () => ({}),
});
const Echo = defineAction({
  ...whole,
  name: 'Echo',
  access: 'get',
  summary: 'Says what it was given.',
  input: z.object({ Text: z.string().optional(), Names: z.array(z.string()).optional() }),
  output: z.object({ Given: z.unknown(), Caller: z.unknown() }),
  errors: [],
  run: async (Given, { caller }) => ({ Given, Caller: caller }),
});

export const consoleActions = [CreateConsoleTicket, Echo, Watch, ...stsActions];

/** The page itself has a head that a sign-in by a link writes into. */
function contentOf(name: string): string {
  return name === 'index.html' ? '<head>index.html' : name;
}

/** How many streams have ended. */
const streams = { ended: 0 };

/** The console over a door of its own, on a clock that the test moves. */
export class ConsoleScene {
  readonly clock = new SimulatedClock();
  readonly store = new MemoryStore(this.clock);
  /** Access keys that there are; tests set it. */
  keys: readonly AccessKey[] = [doorKey, machine];
  endpoint = '';
  readonly #faults: unknown[] = [];
  readonly #cleanups: (() => unknown)[] = [];

  static async open(): Promise<ConsoleScene> {
    const scene = new ConsoleScene();
    streams.ended = 0;
    scene.endpoint = await scene.serve();
    return scene;
  }

  /** Streams that have ended. */
  get ended(): number {
    return streams.ended;
  }

  /** Starts a control plane on the store: another one when there is one. */
  async serve(proxies?: BlockList): Promise<string> {
    const seal = createSeal(Buffer.alloc(32, 1));
    const accessKeys = { find: async (id: string) => this.keys.find((key) => key.id === id) };
    const identities = { userName: () => 'amy', policiesOf: () => [] };
    const onFault = (error: unknown) => this.#faults.push(error);
    const { clock, store } = this;
    const { now } = clock;
    const sessions = await ConsoleSessions.open({ store, accessKeys, identities, now, onFault });
    const { dispatch } = openDoor({
      actions: consoleActions,
      now,
      accessKeys,
      identities,
      seal: seal.seal,
      openToken: (token) => openToken(token, seal.open),
      signedIn: (session) => sessions.signedIn(session),
      throttle: 'documented',
    });
    const hostNames = ['lb.test'];
    const isReady = async () => true;
    const trusted = proxies === undefined ? {} : { proxies };
    const server = createListener({ dispatch, isReady, onFault, ...trusted });
    const files = ['index.html', 'assets/a-1.js', 'icon.svg'];
    const assets = new Map(
      files.map((name) => [name, new Asset(name, Buffer.from(contentOf(name)))]),
    );
    const page = {
      actions: consoleActions,
      assets,
      now,
      timers: clock,
      onFault,
      ...trusted,
      hostNames,
    };
    serveConsole(server, { sessions, seal, dispatch, ...page });
    this.#cleanups.push(
      () => server.close(),
      () => sessions.close(),
    );
    return server.listen({ host: '127.0.0.1', port: 0 });
  }

  /** Ends all, and fails when a fault was told of meanwhile. */
  async close(): Promise<void> {
    for (const cleanup of this.#cleanups.reverse()) await cleanup();
    assert.deepEqual(this.#faults, []);
  }
}
