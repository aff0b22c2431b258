import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { AccessKeyPair } from '../../src/access-key-pair.ts';
import { type Browser, openBrowser, type Page, signIn } from '../support/browser.ts';
import { askSignIn, codeOf, cookieOf } from '../support/console.ts';
import { rootKey, type Sluice, startSluice } from '../support/sluice.ts';

/** A hostile backend on another port of the console's host name. Cookies ignore ports. */

/** A server that keeps the cookies it gets, and sets the ones that a test wants. */
class Neighbour {
  readonly cookies: string[] = [];
  plants: readonly string[] = [];
  readonly #server = http.createServer((request, response) => {
    this.cookies.push(request.headers.cookie ?? '');
    response.setHeader('set-cookie', [...this.plants]);
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><link rel="icon" href="data:,"><h1>a backend</h1>');
  });

  /** @returns its origin */
  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const neighbour = new Neighbour();
let origin: string;
let sluice: Sluice;
let browser: Browser;

before(async () => {
  [sluice, browser, origin] = await Promise.all([
    startSluice({ mode: 'control-plane', flags: [] }),
    openBrowser(),
    neighbour.listen(),
  ]);
});
after(async () => {
  await browser?.close();
  neighbour.close();
  await sluice?.stop();
});

const visit = (story: (page: Page) => Promise<void>) =>
  browser.visit(sluice.endpoint, story, { others: [origin] });

const form = (page: Page) => page.getByRole('button', { name: 'Sign in' }).waitFor();
const signedIn = (page: Page) => page.getByRole('button', { name: 'Sign out' }).waitFor();

/** A request of the backend's own program, with a cookie that it was sent. */
function replay(method: string, path: string, cookie: string, body?: unknown): Promise<Response> {
  return fetch(`${sluice.endpoint}/console/${path}`, {
    method,
    headers: { cookie, 'content-type': 'application/json', 'x-sluice-csrf': '' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** A second user's key: whose session the backend would like the victim to use. */
async function attacker(UserName: string): Promise<AccessKeyPair> {
  await sluice.client.call('Ram', 'CreateUser', { UserName });
  const { body } = await sluice.client.call('Ram', 'CreateAccessKey', { UserName });
  const { AccessKey } = body as { AccessKey: Record<string, string> };
  return { accessKeyId: AccessKey.AccessKeyId!, accessKeySecret: AccessKey.AccessKeySecret! };
}

describe('a backend on another port of the same host name', () => {
  test('gets a cookie that opens nothing, and the page goes on', () =>
    visit(async (page) => {
      await signIn(page, rootKey);
      const other = await page.context().newPage();
      // The cookie is for /console, a path that a backend serves just as well.
      await other.goto(`${origin}/console/`);
      const stolen = neighbour.cookies.at(-1) ?? '';
      assert.match(stolen, /^sluice-console-\d+=v1\./);
      const key = { product: 'Ram', action: 'CreateAccessKey', parameters: {} };
      const answers = await Promise.all([
        replay('GET', 'session', stolen),
        replay('POST', 'call', stolen, key),
        replay('DELETE', 'session', stolen),
      ]);
      for (const answer of answers) assert.equal(await codeOf(answer), '401 ConsoleSession.Ended');
      await page.reload();
      await signedIn(page);
    }));

  test('plants a cookie of its own, which signs nobody in', () =>
    visit(async (page) => {
      const answer = await askSignIn(sluice.endpoint, await attacker('mallory'));
      neighbour.plants = [`${cookieOf(answer)}; Path=/console; HttpOnly`];
      await page.goto(`${origin}/console/`);
      neighbour.plants = [];
      await page.goto('/console/');
      await form(page);
    }));

  test('plants a cookie beside that of a session, which goes on as whom it was', () =>
    visit(async (page) => {
      const answer = await askSignIn(sluice.endpoint, await attacker('trudy'));
      neighbour.plants = [`${cookieOf(answer)}; Path=/console/session; HttpOnly`];
      await signIn(page, rootKey);
      const other = await page.context().newPage();
      await other.goto(`${origin}/console/session`);
      neighbour.plants = [];
      await page.reload();
      await signedIn(page);
      await page.getByText('root', { exact: true }).waitFor();
    }));
});

describe('a tab', () => {
  test('that is reloaded stays signed in, and a new one signs in for itself', () =>
    visit(async (page) => {
      await signIn(page, rootKey);
      await page.reload();
      await signedIn(page);
      const other = await page.context().newPage();
      await other.goto('/console/');
      await form(other);
      await signIn(other, rootKey);
      await page.reload();
      await signedIn(page);
    }));
});
