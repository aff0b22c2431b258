import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { afterEach, beforeEach, describe, test } from 'node:test';
import {
  type ConsoleClient,
  codeOf,
  cookieOf,
  headersAt,
  openConsole,
} from '../../test/support/console.ts';
import { ConsoleScene, consoleActions, pair } from '../../test/support/console-scene.ts';
import { doorKey } from '../../test/support/door.ts';
import { until } from '../../test/support/wait.ts';
import { limits } from '../limits.ts';

type Headers = Readonly<Record<string, string>>;

let scene: ConsoleScene;
beforeEach(async () => {
  scene = await ConsoleScene.open();
});
afterEach(() => scene.close());

const ended401 = '401 ConsoleSession.Ended';
const refused403 = '403 ConsoleRequest.Refused';
const echo = { product: 'Sts', action: 'Echo', parameters: {} };
const resume = (page: ConsoleClient) => page.send('GET', '/console/session');

describe('a session', () => {
  test("calls as its access key would, from its browser's address and program", async () => {
    const page = await openConsole(scene.endpoint, pair);
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

  test('needs its own secret for every request, and no answer has it again', async () => {
    const page = await openConsole(scene.endpoint, pair);
    const other = await openConsole(scene.endpoint, pair);
    for (const secret of ['', other.csrf, page.cookie]) {
      const headers = { 'x-sluice-csrf': secret };
      for (const [method, path] of [
        ['GET', 'session'],
        ['DELETE', 'session'],
        ['POST', 'call'],
      ] as const) {
        const body = path === 'call' ? echo : undefined;
        const answer = await page.send(method, `/console/${path}`, body, headers);
        assert.equal(await codeOf(answer), ended401, `${method} ${path}`);
      }
    }
    const answer = await resume(page);
    assert.equal(answer.status, 200);
    assert.equal((await answer.text()).includes(page.csrf), false);
  });

  test('goes on beside cookies that a server on another port has planted', async () => {
    const page = await openConsole(scene.endpoint, pair);
    const other = await openConsole(scene.endpoint, pair);
    const cookie = `${other.cookie}; ${page.cookie}`;
    const own = await page.send('GET', '/console/session', undefined, { cookie });
    assert.equal(own.status, 200);
    const planted = { cookie: other.cookie };
    const foreign = await page.send('GET', '/console/session', undefined, planted);
    assert.equal(await codeOf(foreign), ended401);
  });

  test('is for pages of its own origin, under a host name that is configured', async () => {
    const page = await openConsole(scene.endpoint, pair);
    const bad: Headers[] = [{ origin: 'http://elsewhere.test' }, { 'sec-fetch-site': 'same-site' }];
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
    const page = await openConsole(scene.endpoint, pair);
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
    const idle = await openConsole(scene.endpoint, pair);
    await scene.clock.advance(limits.consoleIdle - 1);
    const renewed = cookieOf(await resume(idle));
    assert.notEqual(renewed, '');
    await scene.clock.advance(1);
    assert.equal(await codeOf(await resume(idle)), ended401);
    let cookie = renewed;
    const begun = scene.clock.now() - limits.consoleIdle;
    for (;;) {
      const answer = await idle.send('GET', '/console/session', undefined, { cookie });
      if (answer.status !== 200) break;
      cookie = cookieOf(answer) || cookie;
      await scene.clock.advance(limits.consoleIdle / 2);
    }
    assert.equal(scene.clock.now() - begun, limits.consoleLife);
  });

  test('gets another cookie once a minute at most', async () => {
    const page = await openConsole(scene.endpoint, pair);
    await scene.clock.advance(limits.consoleRefresh - 1);
    assert.equal(cookieOf(await resume(page)), '');
    await scene.clock.advance(1);
    assert.notEqual(cookieOf(await page.send('POST', '/console/call', echo)), '');
  });

  test('that signs out has ended on every control plane, now and after a restart', async () => {
    const page = await openConsole(scene.endpoint, pair);
    const second = await scene.serve();
    const at = (endpoint: string) =>
      fetch(`${endpoint}/console/session`, { headers: headersAt(endpoint, page) });
    const there = () => at(second);
    assert.equal((await there()).status, 200);
    assert.equal((await page.send('DELETE', '/console/session')).status, 204);
    assert.equal(await codeOf(await resume(page)), ended401);
    await until(async () => (await there()).status === 401, { what: 'the other control plane' });
    const third = await scene.serve();
    assert.equal(await codeOf(await at(third)), ended401);
  });

  test('ends with its access key', async () => {
    const page = await openConsole(scene.endpoint, pair);
    scene.keys = [{ ...doorKey, status: 'Inactive' }];
    assert.equal(await codeOf(await page.send('POST', '/console/call', echo)), ended401);
    scene.keys = [doorKey];
    assert.equal((await resume(page)).status, 200);
    scene.keys = [];
    assert.equal(await codeOf(await resume(page)), ended401);
  });

  test('leaves no record behind once it would have ended by itself', async () => {
    await openConsole(scene.endpoint, pair);
    await openConsole(scene.endpoint, pair);
    await scene.clock.advance(limits.consoleLife);
    await openConsole(scene.endpoint, pair);
    const { entries } = await scene.store.range('console-session/');
    assert.equal(entries.length, 1);
  });
});

describe('a stream', () => {
  const watch = { product: 'Sts', action: 'Watch' };

  test('ends when its session does', async () => {
    const page = await openConsole(scene.endpoint, pair);
    const answer = await page.send('POST', '/console/call', watch);
    const reader = answer.body!.getReader();
    assert.equal(Buffer.from((await reader.read()).value!).toString(), '{"line":1}\n');
    await scene.clock.advance(limits.consoleLook * 3);
    assert.equal(scene.ended, 0);
    scene.keys = [];
    await scene.clock.advance(limits.consoleLook);
    assert.equal((await reader.read()).done, true);
    assert.equal(scene.ended, 1);
  });

  test('ends when its page is left, and is looked after no more', async () => {
    const page = await openConsole(scene.endpoint, pair);
    const answer = await page.send('POST', '/console/call', watch);
    await answer.body!.cancel();
    await until(() => scene.ended === 1, { what: 'the end of the stream' });
    await until(() => scene.clock.pending === 0, { what: 'nothing to look after' });
  });
});

describe('what is no call', () => {
  test('is refused in words, with nothing of the server in them', async () => {
    const page = await openConsole(scene.endpoint, pair);
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
        const { status, headers } = await fetch(scene.endpoint + path, {
          method,
          redirect: 'manual',
        });
        assert.ok(status < 500, `${method} ${path}: ${status}`);
        assert.equal(headers.get('access-control-allow-origin'), null, `${method} ${path}`);
        assert.match(headers.get('content-security-policy') ?? '', /^default-src 'none';/);
      }
    }
  });
});

describe('a host name', () => {
  /** With a Host of the test's own; `fetch` would write the true one. */
  async function statusAt(host: string, path = '/console/'): Promise<number | undefined> {
    const { hostname, port } = new URL(scene.endpoint);
    const asked = http.get({ hostname, port, path, agent: false, headers: { host } });
    const [answer] = await once(asked, 'response');
    (answer as http.IncomingMessage).resume();
    return (answer as http.IncomingMessage).statusCode;
  }

  test('that is not configured opens no page, nor anything else of the console', async () => {
    const foreign = ['evil.test', '192.0.2.1', 'localhost.evil.test', '127.0.0.1.evil.test', 'x y'];
    for (const host of [...foreign, 'lb.test.evil.test', '[::2]:80', '127.0.0.1@evil.test']) {
      for (const path of ['/console/', '/console/session', '/console/actions.json']) {
        assert.equal(await statusAt(host, path), 403, `${host} ${path}`);
      }
    }
  });

  test('of loopback or of the settings opens it, with any port', async () => {
    const own = ['localhost', 'LOCALHOST:1', 'a.localhost', '127.0.0.1:9', '127.8.8.8', '[::1]:80'];
    for (const host of [...own, 'lb.test', 'LB.test:443', 'lb.test.']) {
      assert.equal(await statusAt(host), 200, host);
    }
  });
});

describe('files', () => {
  const get = (path: string, headers: Headers = {}) =>
    fetch(scene.endpoint + path, { headers, redirect: 'manual' });

  test('are those of the page, each by its name alone; the rest is the page itself', async () => {
    const read = async (path: string) => (await getRaw(path)).text;
    assert.equal(await read('/console/assets/a-1.js'), 'assets/a-1.js');
    const pages = ['/console/', '/console/load-balancers/lb-1', '/console/../package.json'];
    for (const path of [
      ...pages,
      '/console/%2e%2e/package.json',
      '/console/..%2f..%2fetc/passwd',
    ]) {
      assert.match(await read(path), /index\.html$/, path);
    }
    for (const path of ['b.js', '../index.html', '%2e%2e/index.html', 'a-1.js/', 'a-1.js%00']) {
      assert.equal((await getRaw(`/console/assets/${path}`)).status, 404, path);
    }
    assert.equal((await get('/console')).headers.get('location'), '/console/');
  });

  test('are where a browser lands that opens the address of the API', async () => {
    const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
    const landed = await get('/', browser);
    assert.deepEqual([landed.status, landed.headers.get('location')], [303, '/console/']);
    for (const path of ['/?Action=Echo', '/']) {
      const headers: Headers = path === '/' ? { ...browser, 'x-acs-action': 'Echo' } : browser;
      assert.equal((await get(path, headers)).status, 400, path);
    }
    assert.equal((await get('/')).status, 400);
  });

  /** With the path as it stands; `fetch` would straighten it. */
  async function getRaw(path: string): Promise<{ status: number | undefined; text: string }> {
    const { hostname, port } = new URL(scene.endpoint);
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
      consoleActions.map(({ name }) => name),
    );
    const one = await get('/console/actions/Sts/Echo.json');
    assert.equal(((await one.json()) as { name: string }).name, 'Echo');
    assert.match(await (await get('/console/actions/Sts/None.json')).text(), /index\.html$/);
  });
});
