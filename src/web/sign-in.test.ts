import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { askSignIn, codeOf, cookieOf, openConsole } from '../../test/support/console.ts';
import { ConsoleScene, machine, pair } from '../../test/support/console-scene.ts';
import { doorKey } from '../../test/support/door.ts';
import { trustedProxies } from '../api/peer.ts';
import { RpcClient } from '../client.ts';
import { limits } from '../limits.ts';

type Headers = Readonly<Record<string, string>>;

let scene: ConsoleScene;
beforeEach(async () => {
  scene = await ConsoleScene.open();
});
afterEach(() => scene.close());

const refused403 = '403 ConsoleRequest.Refused';

describe('signing in', () => {
  test('answers who it is, and a cookie that no script reads and no other site sends', async () => {
    const answer = await askSignIn(scene.endpoint, pair);
    assert.equal(answer.status, 200);
    const [cookie = ''] = answer.headers.getSetCookie();
    assert.match(cookie, /=v1\.[\w-]+; Path=\/console; HttpOnly; SameSite=Strict$/);
    // Cookies do not tell ports apart: another Sluice of this machine has another name.
    assert.equal(cookie.split('=')[0], `sluice-console-${new URL(scene.endpoint).port}`);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    const { csrf, expiresAt, ...told } = (await answer.json()) as Record<string, unknown>;
    const arn = `acs:ram::${doorKey.account}:root`;
    assert.deepEqual(told, { account: doorKey.account, kind: 'root', name: 'root', arn });
    assert.equal(expiresAt, scene.clock.now() + limits.consoleLife);
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
      const answer = await askSignIn(scene.endpoint, each);
      assert.equal(await codeOf(answer), '401 ConsoleSignIn.Failed', each.accessKeyId);
      assert.deepEqual(answer.headers.getSetCookie(), []);
    }
    scene.keys = [{ ...doorKey, status: 'Inactive' }];
    assert.equal(await codeOf(await askSignIn(scene.endpoint, pair)), '401 ConsoleSignIn.Failed');
  });

  test('fails only so often from one address, yet works with a pair that has worked', async () => {
    assert.equal((await askSignIn(scene.endpoint, pair)).status, 200);
    const tries = Array.from({ length: limits.unprovenCalls + 1 }, () =>
      askSignIn(scene.endpoint, { ...pair, accessKeySecret: 'x' }),
    );
    const codes = await Promise.all((await Promise.all(tries)).map(codeOf));
    assert.equal(codes.filter((code) => code === '400 Throttling').length, 1);
    assert.equal((await askSignIn(scene.endpoint, pair)).status, 200);
  });

  test('is not for forwarders', async () => {
    const answer = await askSignIn(scene.endpoint, { ...pair, accessKeyId: machine.id });
    assert.equal(await codeOf(answer), '403 NoPermission');
  });

  test('is refused to pages of other sites', async () => {
    const foreign: Headers[] = [
      { origin: 'http://elsewhere.test' },
      { origin: scene.endpoint.replace('http:', 'https:') },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: scene.endpoint, 'sec-fetch-site': 'cross-site' },
    ];
    for (const headers of foreign) {
      assert.equal(await codeOf(await askSignIn(scene.endpoint, pair, headers)), refused403);
    }
    const own = { origin: scene.endpoint, 'sec-fetch-site': 'same-origin' };
    assert.equal((await askSignIn(scene.endpoint, pair, own)).status, 200);
    const form = { 'content-type': 'text/plain' };
    assert.equal(
      await codeOf(await askSignIn(scene.endpoint, pair, form)),
      '400 UnsupportedParameter',
    );
  });
});

describe('a link', () => {
  const follow = (ticket: string, headers: Headers = {}) =>
    fetch(`${scene.endpoint}/console/start?ticket=${ticket}`, { redirect: 'manual', headers });
  const whereTo = (answer: Response) => [
    answer.status,
    answer.headers.get('location'),
    answer.headers.getSetCookie().length,
  ];
  /** As the command line asks for one. */
  async function ticket(): Promise<string> {
    const client = new RpcClient({ endpoint: scene.endpoint, ...pair, now: scene.clock.now });
    const { body } = await client.call('Sluice', 'CreateConsoleTicket', {});
    await client.close();
    return (body as { Ticket: string }).Ticket;
  }

  test('signs in once, on whichever control plane', async () => {
    const made = await ticket();
    const first = await follow(made);
    assert.deepEqual(whereTo(first), [200, null, 1]);
    assert.equal(first.headers.get('cache-control'), 'no-store');
    const [, csrf = ''] =
      /<meta name="sluice-session" content="([\w-]{43})" \/>/.exec(await first.text()) ?? [];
    const headers = { cookie: cookieOf(first), 'x-sluice-csrf': csrf };
    assert.equal((await fetch(`${scene.endpoint}/console/session`, { headers })).status, 200);
    assert.deepEqual(whereTo(await follow(made)), [303, '/console/?link=over', 0]);
    scene.endpoint = await scene.serve();
    assert.deepEqual(whereTo(await follow(made)), [303, '/console/?link=over', 0]);
  });

  test('is over after a quarter of an hour, and works from no other site', async () => {
    const made = await ticket();
    assert.equal(await codeOf(await follow(made, { 'sec-fetch-site': 'cross-site' })), refused403);
    await scene.clock.advance(limits.consoleTicket);
    assert.deepEqual(whereTo(await follow(made)), [303, '/console/?link=over', 0]);
    for (const none of ['', 'x', `${made}A`]) {
      assert.deepEqual(whereTo(await follow(none)), [303, '/console/?link=over', 0], none);
    }
  });

  test('is for browsers on this machine alone', async () => {
    const made = await ticket();
    scene.endpoint = await scene.serve(trustedProxies(['127.0.0.1']));
    const far = { 'x-forwarded-for': '192.0.2.7', 'x-forwarded-proto': 'https' };
    assert.deepEqual(whereTo(await follow(made, far)), [303, '/console/?link=over', 0]);
    const near = { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'https' };
    const answer = await follow(made, near);
    assert.deepEqual(whereTo(answer), [200, null, 1]);
    // Over TLS the browser may never send it in clear.
    assert.match(answer.headers.getSetCookie()[0] ?? '', /; Secure$/);
  });

  test('cannot be made with a session, which would then never end', async () => {
    const page = await openConsole(scene.endpoint, pair);
    const asked = { product: 'Sluice', action: 'CreateConsoleTicket' };
    const answer = await page.send('POST', '/console/call', asked);
    assert.equal(await codeOf(answer), '403 NoPermission');
  });
});
