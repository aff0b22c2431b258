import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { BlockList } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { SimulatedClock } from '../../test/support/clock.ts';
import {
  askSignIn,
  type ConsoleClient,
  cookieOf,
  openConsole,
} from '../../test/support/console.ts';
import { doorKey, openDoor } from '../../test/support/door.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';
import { until } from '../../test/support/wait.ts';
import type { AccessKey } from '../api/access-keys.ts';
import { type Action, defineAction } from '../api/actions/action.ts';
import { CreateConsoleTicket } from '../api/actions/sluice/console.ts';
import { stsActions } from '../api/actions/sts/index.ts';
import { ConsoleSessions } from '../api/console-sessions.ts';
import { createListener } from '../api/listen.ts';
import { trustedProxies } from '../api/peer.ts';
import { openToken } from '../api/sessions.ts';
import { RpcClient } from '../client.ts';
import { limits } from '../limits.ts';
import { createSeal } from '../sealing.ts';
import { Asset } from './assets.ts';
import { serveConsole } from './console.ts';

type Headers = Readonly<Record<string, string>>;

const pair = { accessKeyId: doorKey.id, accessKeySecret: doorKey.secret };
const machine: AccessKey = {
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
    ended += 1;
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

let clock: SimulatedClock;
let store: MemoryStore;
let keys: AccessKey[];
let endpoint: string;
let ended: number;
let faults: unknown[];
const cleanups: (() => unknown)[] = [];

/** A control plane of the console alone; another one on the same store when called again. */
async function serve(actions: readonly Action[], proxies?: BlockList): Promise<string> {
  const seal = createSeal(Buffer.alloc(32, 1));
  const accessKeys = { find: async (id: string) => keys.find((key) => key.id === id) };
  const identities = { userName: () => 'amy', policiesOf: () => [] };
  const onFault = (error: unknown) => faults.push(error);
  const { now } = clock;
  const sessions = await ConsoleSessions.open({ store, accessKeys, identities, now, onFault });
  const { dispatch } = openDoor({
    actions,
    now,
    accessKeys,
    identities,
    seal: seal.seal,
    openToken: (token) => openToken(token, seal.open),
    signedIn: (session) => sessions.signedIn(session),
    throttle: 'documented',
  });
  const isReady = async () => true;
  const trusted = proxies === undefined ? {} : { proxies };
  const server: FastifyInstance = createListener({ dispatch, isReady, onFault, ...trusted });
  const files = ['index.html', 'assets/a-1.js', 'icon.svg'];
  const assets = new Map(files.map((name) => [name, new Asset(name, Buffer.from(name))]));
  const timers = clock;
  const page = { assets, now, timers, onFault, ...trusted };
  serveConsole(server, { sessions, seal, dispatch, actions, ...page });
  cleanups.push(
    () => server.close(),
    () => sessions.close(),
  );
  return server.listen({ host: '127.0.0.1', port: 0 });
}

const all = [CreateConsoleTicket, Echo, Watch, ...stsActions];

beforeEach(async () => {
  clock = new SimulatedClock();
  store = new MemoryStore(clock);
  keys = [doorKey, machine];
  ended = 0;
  faults = [];
  endpoint = await serve(all);
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  assert.deepEqual(faults, []);
});

const codeOf = async (answer: Response) => {
  const { Code, Message, RequestId } = (await answer.json()) as Record<string, string>;
  assert.ok(Message && RequestId);
  return `${answer.status} ${Code}`;
};
const ended401 = '401 ConsoleSession.Ended';
const refused403 = '403 ConsoleRequest.Refused';
const echo = { product: 'Sts', action: 'Echo', parameters: {} };
const resume = (page: ConsoleClient) => page.send('GET', '/console/session');

describe('signing in', () => {
  test('answers who it is, and a cookie that no script reads and no other site sends', async () => {
    const answer = await askSignIn(endpoint, pair);
    assert.equal(answer.status, 200);
    const [cookie = ''] = answer.headers.getSetCookie();
    assert.match(cookie, /^sluice-console=v1\.[\w-]+; Path=\/console; HttpOnly; SameSite=Strict$/);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    const { csrf, expiresAt, ...told } = (await answer.json()) as Record<string, unknown>;
    const arn = `acs:ram::${doorKey.account}:root`;
    assert.deepEqual(told, { account: doorKey.account, kind: 'root', name: 'root', arn });
    assert.equal(expiresAt, clock.now() + limits.consoleLife);
    assert.equal(String(csrf).length, 43);
  });

  test('tells nobody whether the id or the secret is wrong', async () => {
    const wrong = [
      { ...pair, accessKeySecret: 'x' },
      { ...pair, accessKeySecret: '' },
      { ...pair, accessKeyId: 'LTAI5tNobody' },
      { ...pair, accessKeyId: 'STS.Nobody' },
      { ...pair, accessKeyId: 'a, b\r\nc' },
    ];
    for (const each of wrong) {
      const answer = await askSignIn(endpoint, each);
      assert.equal(await codeOf(answer), '401 ConsoleSignIn.Failed', each.accessKeyId);
      assert.deepEqual(answer.headers.getSetCookie(), []);
    }
    keys = [{ ...doorKey, status: 'Inactive' }];
    assert.equal(await codeOf(await askSignIn(endpoint, pair)), '401 ConsoleSignIn.Failed');
  });

  test('fails only so often from one address, and then still works with the right pair', async () => {
    const tries = Array.from({ length: limits.unprovenCalls + 1 }, () =>
      askSignIn(endpoint, { ...pair, accessKeySecret: 'x' }),
    );
    const codes = await Promise.all((await Promise.all(tries)).map(codeOf));
    assert.equal(codes.filter((code) => code === '400 Throttling').length, 1);
    assert.equal((await askSignIn(endpoint, pair)).status, 200);
  });

  test('is not for forwarders', async () => {
    const answer = await askSignIn(endpoint, { ...pair, accessKeyId: machine.id });
    assert.equal(await codeOf(answer), '403 NoPermission');
  });

  test('is refused to pages of other sites', async () => {
    const foreign: Headers[] = [
      { origin: 'http://elsewhere.test' },
      { origin: endpoint.replace('http:', 'https:') },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: endpoint, 'sec-fetch-site': 'cross-site' },
    ];
    for (const headers of foreign) {
      assert.equal(await codeOf(await askSignIn(endpoint, pair, headers)), refused403);
    }
    const own = { origin: endpoint, 'sec-fetch-site': 'same-origin' };
    assert.equal((await askSignIn(endpoint, pair, own)).status, 200);
    const form = { 'content-type': 'text/plain' };
    assert.equal(await codeOf(await askSignIn(endpoint, pair, form)), '400 UnsupportedParameter');
  });
});

describe('a link', () => {
  const follow = (ticket: string, headers: Headers = {}) =>
    fetch(`${endpoint}/console/start?ticket=${ticket}`, { redirect: 'manual', headers });
  const whereTo = (answer: Response) => [
    answer.status,
    answer.headers.get('location'),
    answer.headers.getSetCookie().length,
  ];
  /** As the command line asks for one. */
  async function ticket(): Promise<string> {
    const client = new RpcClient({ endpoint, ...pair, now: clock.now });
    const { body } = await client.call('Sluice', 'CreateConsoleTicket', {});
    await client.close();
    return (body as { Ticket: string }).Ticket;
  }

  test('signs in once, on whichever control plane', async () => {
    const made = await ticket();
    const first = await follow(made);
    assert.deepEqual(whereTo(first), [303, '/console/', 1]);
    const headers = { cookie: cookieOf(first) };
    assert.equal((await fetch(`${endpoint}/console/session`, { headers })).status, 200);
    assert.deepEqual(whereTo(await follow(made)), [303, '/console/?link=over', 0]);
    endpoint = await serve(all);
    assert.deepEqual(whereTo(await follow(made)), [303, '/console/?link=over', 0]);
  });

  test('is over after a quarter of an hour, and works from no other site', async () => {
    const made = await ticket();
    assert.equal(await codeOf(await follow(made, { 'sec-fetch-site': 'cross-site' })), refused403);
    await clock.advance(limits.consoleTicket);
    assert.deepEqual(whereTo(await follow(made)), [303, '/console/?link=over', 0]);
    for (const none of ['', 'x', `${made}A`]) {
      assert.deepEqual(whereTo(await follow(none)), [303, '/console/?link=over', 0], none);
    }
  });

  test('is for browsers on this machine alone', async () => {
    const made = await ticket();
    endpoint = await serve(all, trustedProxies(['127.0.0.1']));
    const far = { 'x-forwarded-for': '192.0.2.7', 'x-forwarded-proto': 'https' };
    assert.deepEqual(whereTo(await follow(made, far)), [303, '/console/?link=over', 0]);
    const near = { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'https' };
    const answer = await follow(made, near);
    assert.deepEqual(whereTo(answer), [303, '/console/', 1]);
    // Over TLS the browser may never send it in clear.
    assert.match(answer.headers.getSetCookie()[0] ?? '', /; Secure$/);
  });

  test('cannot be made with a session, which would then never end', async () => {
    const page = await openConsole(endpoint, pair);
    const asked = { product: 'Sluice', action: 'CreateConsoleTicket' };
    const answer = await page.send('POST', '/console/call', asked);
    assert.equal(await codeOf(answer), '403 NoPermission');
  });
});

describe('a session', () => {
  test('calls as its access key would, from the address and with the program of its browser', async () => {
    const page = await openConsole(endpoint, pair);
    const parameters = { Text: 'a "b" $' + '{c} \\ \u{1f600}', Names: ['x', 'y'] };
    const body = { ...echo, parameters };
    const answer = await page.send('POST', '/console/call', body, { 'user-agent': 'Browser/1' });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('access-control-allow-origin'), null);
    assert.ok(answer.headers.get('x-acs-request-id'));
    const { Given, Caller } = (await answer.json()) as Record<string, Record<string, unknown>>;
    assert.deepEqual(Given, body.parameters);
    const { accessKeyId, ...caller } = Caller!;
    assert.match(String(accessKeyId), /^STS\./);
    assert.deepEqual(caller, {
      account: doorKey.account,
      principal: { kind: 'root' },
      sourceIp: '127.0.0.1',
      userAgent: 'Browser/1',
      secure: false,
    });
    const xml = await page.send('POST', '/console/call', { ...echo, format: 'XML' });
    assert.match(await xml.text(), /^<\?xml .*<EchoResponse>/);
  });

  test('needs its own token on every call, and the page of its own origin', async () => {
    const page = await openConsole(endpoint, pair);
    const other = await openConsole(endpoint, pair);
    const bad: Headers[] = [
      { 'x-sluice-csrf': '' },
      { 'x-sluice-csrf': other.csrf },
      { origin: 'http://elsewhere.test' },
      { 'sec-fetch-site': 'same-site' },
    ];
    for (const headers of bad) {
      assert.equal(
        await codeOf(await page.send('POST', '/console/call', echo, headers)),
        refused403,
      );
      const out = await page.send('DELETE', '/console/session', undefined, headers);
      assert.equal(await codeOf(out), refused403);
    }
    assert.equal((await resume(page)).status, 200);
  });

  test('is none with a cookie that was altered, or none at all', async () => {
    const page = await openConsole(endpoint, pair);
    const [name = '', value = ''] = page.cookie.split('=');
    const middle = Math.floor(value.length / 2);
    const flipped = value[middle] === 'A' ? 'B' : 'A';
    const altered = value.slice(0, middle) + flipped + value.slice(middle + 1);
    for (const cookie of ['', `${name}=`, `${name}=${altered}`, `${name}=${value.slice(0, -4)}`]) {
      const headers = { cookie };
      assert.equal(await codeOf(await page.send('POST', '/console/call', echo, headers)), ended401);
    }
  });

  test('ends half an hour after the last call, and half a day after it began', async () => {
    const idle = await openConsole(endpoint, pair);
    await clock.advance(limits.consoleIdle - 1);
    const renewed = cookieOf(await resume(idle));
    assert.notEqual(renewed, '');
    await clock.advance(1);
    assert.equal(await codeOf(await resume(idle)), ended401);
    let cookie = renewed;
    const begun = clock.now() - limits.consoleIdle;
    for (;;) {
      const answer = await idle.send('GET', '/console/session', undefined, { cookie });
      if (answer.status !== 200) break;
      cookie = cookieOf(answer) || cookie;
      await clock.advance(limits.consoleIdle / 2);
    }
    assert.equal(clock.now() - begun, limits.consoleLife);
  });

  test('gets another cookie once a minute at most', async () => {
    const page = await openConsole(endpoint, pair);
    await clock.advance(limits.consoleRefresh - 1);
    assert.equal(cookieOf(await resume(page)), '');
    await clock.advance(1);
    assert.notEqual(cookieOf(await page.send('POST', '/console/call', echo)), '');
  });

  test('that signs out has ended on every control plane, now and after a restart', async () => {
    const page = await openConsole(endpoint, pair);
    const second = await serve(all);
    const there = () => fetch(`${second}/console/session`, { headers: { cookie: page.cookie } });
    assert.equal((await there()).status, 200);
    assert.equal((await page.send('DELETE', '/console/session')).status, 204);
    assert.equal(await codeOf(await resume(page)), ended401);
    await until(async () => (await there()).status === 401, { what: 'the other control plane' });
    const third = await serve(all);
    const headers = { cookie: page.cookie };
    assert.equal(await codeOf(await fetch(`${third}/console/session`, { headers })), ended401);
  });

  test('ends with its access key', async () => {
    const page = await openConsole(endpoint, pair);
    keys = [{ ...doorKey, status: 'Inactive' }];
    assert.equal(await codeOf(await page.send('POST', '/console/call', echo)), ended401);
    keys = [doorKey];
    assert.equal((await resume(page)).status, 200);
    keys = [];
    assert.equal(await codeOf(await resume(page)), ended401);
  });

  test('leaves no record behind once it would have ended by itself', async () => {
    await openConsole(endpoint, pair);
    await openConsole(endpoint, pair);
    await clock.advance(limits.consoleLife);
    await openConsole(endpoint, pair);
    const { entries } = await store.range('console-session/');
    assert.equal(entries.length, 1);
  });
});

describe('a stream', () => {
  const watch = { product: 'Sts', action: 'Watch' };

  test('ends when its session does', async () => {
    const page = await openConsole(endpoint, pair);
    const answer = await page.send('POST', '/console/call', watch);
    const reader = answer.body!.getReader();
    assert.equal(Buffer.from((await reader.read()).value!).toString(), '{"line":1}\n');
    await clock.advance(limits.consoleLook * 3);
    assert.equal(ended, 0);
    keys = [];
    await clock.advance(limits.consoleLook);
    assert.equal((await reader.read()).done, true);
    assert.equal(ended, 1);
  });

  test('ends when its page is left, and is looked after no more', async () => {
    const page = await openConsole(endpoint, pair);
    const answer = await page.send('POST', '/console/call', watch);
    await answer.body!.cancel();
    await until(() => ended === 1, { what: 'the end of the stream' });
    await until(() => clock.pending === 0, { what: 'nothing to look after' });
  });
});

describe('what is no call', () => {
  test('is refused in words, with nothing of the server in them', async () => {
    const page = await openConsole(endpoint, pair);
    const bodies: unknown[] = [
      ...[null, 1, 'x', [], {}, { ...echo, product: 'None' }, { ...echo, action: '../x' }],
      ...[
        { ...echo, headers: { authorization: 'x' } },
        { ...echo, headers: { 'x-sluice-a': '\n' } },
      ],
      ...[
        { ...echo, format: 'YAML' },
        { ...echo, parameters: 3 },
      ],
      { ...echo, parameters: { Text: JSON.parse('['.repeat(5_000) + ']'.repeat(5_000)) } },
    ];
    for (const body of bodies) {
      const answer = await page.send('POST', '/console/call', body);
      assert.equal(
        await codeOf(answer),
        '400 UnsupportedParameter',
        JSON.stringify(body)?.slice(0, 80),
      );
    }
    const huge = { ...echo, parameters: { Text: 'x'.repeat(limits.bodyBytes) } };
    const answer = await page.send('POST', '/console/call', huge);
    assert.equal(answer.status, 400);
    const none = await page.send('POST', '/console/call', { ...echo, action: 'None' });
    assert.equal(await codeOf(none), '404 InvalidAction.NotFound');
  });

  test('in any method and at any path is no fault of ours', async () => {
    const paths = ['/console/call', '/console/session', '/console/start', '/console/x'];
    for (const path of paths) {
      for (const method of ['PUT', 'PATCH', 'OPTIONS', 'HEAD', 'POST', 'DELETE', 'GET']) {
        const { status, headers } = await fetch(endpoint + path, { method, redirect: 'manual' });
        assert.ok(status < 500, `${method} ${path}: ${status}`);
        assert.equal(headers.get('access-control-allow-origin'), null, `${method} ${path}`);
        assert.match(headers.get('content-security-policy') ?? '', /^default-src 'none';/);
      }
    }
  });
});

describe('files', () => {
  const get = (path: string, headers: Headers = {}) =>
    fetch(endpoint + path, { headers, redirect: 'manual' });

  test('are those of the page, each by its name alone; the rest is the page itself', async () => {
    const read = async (path: string) => (await getRaw(path)).text;
    assert.equal(await read('/console/assets/a-1.js'), 'assets/a-1.js');
    const pages = ['/console/', '/console/load-balancers/lb-1', '/console/../package.json'];
    for (const path of [
      ...pages,
      '/console/%2e%2e/package.json',
      '/console/..%2f..%2fetc/passwd',
    ]) {
      assert.equal(await read(path), 'index.html', path);
    }
    for (const path of ['b.js', '../index.html', '%2e%2e/index.html', 'a-1.js/', 'a-1.js%00']) {
      assert.equal((await getRaw(`/console/assets/${path}`)).status, 404, path);
    }
    assert.equal((await get('/console')).headers.get('location'), '/console/');
  });

  /** With the path as it stands; `fetch` would straighten it. */
  async function getRaw(path: string): Promise<{ status: number | undefined; text: string }> {
    const { hostname, port } = new URL(endpoint);
    const [answer] = await once(http.get({ hostname, port, path, agent: false }), 'response');
    let text = '';
    for await (const chunk of answer as http.IncomingMessage) text += chunk;
    return { status: (answer as http.IncomingMessage).statusCode, text };
  }

  test('are kept for ever where their name changes with them, else asked for again', async () => {
    const hashed = await get('/console/assets/a-1.js');
    assert.match(hashed.headers.get('cache-control') ?? '', /immutable/);
    const page = await get('/console/');
    assert.equal(page.headers.get('cache-control'), 'no-cache');
    const again = await get('/console/', { 'if-none-match': page.headers.get('etag') ?? '' });
    assert.equal(again.status, 304);
  });

  test('tell each action as data', async () => {
    const list = (await (await get('/console/actions.json')).json()) as { name: string }[];
    assert.deepEqual(
      list.map(({ name }) => name),
      all.map(({ name }) => name),
    );
    const one = await get('/console/actions/Sts/Echo.json');
    assert.equal(((await one.json()) as { name: string }).name, 'Echo');
    assert.equal(await (await get('/console/actions/Sts/None.json')).text(), 'index.html');
  });
});
