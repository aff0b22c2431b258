import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Browser, lookAt, openBrowser } from '../support/browser.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';

/** The reference pages, as a person reads them. */

let sluice: Sluice;
let browser: Browser;

before(async () => {
  [sluice, browser] = await Promise.all([
    startSluice({ mode: 'control-plane', flags: [] }),
    openBrowser(),
  ]);
});
after(async () => {
  await browser?.close();
  await sluice?.stop();
});

describe('the reference', () => {
  const looks = [
    ['/docs/', 'docs-index'],
    ['/docs/Ens/RemoveBackendServers', 'docs-action'],
    ['/docs/errors', 'docs-errors'],
    ['/docs/errors/MissingLoadBalancerId', 'docs-error'],
    ['/docs/ram', 'docs-ram'],
    ['/docs/compatibility', 'docs-compatibility'],
    ['/docs/releases', 'docs-releases'],
  ] as const;
  for (const [path, name] of looks) {
    test(`${path} reads well on desktop and phone, in light and dark`, () =>
      browser.visit(sluice.endpoint, async (page) => {
        await page.goto(path);
        await page.getByRole('heading', { level: 1 }).waitFor();
        await lookAt(page, name);
      }));
  }

  test('words typed into the search narrow the list', () =>
    browser.visit(sluice.endpoint, async (page) => {
      await page.goto('/docs/');
      await page.getByLabel('Find an action').fill('remove backend');
      await page.getByText(/^1 of \d+ shown$/).waitFor();
      await page.getByRole('link', { name: 'RemoveBackendServers' }).click();
      await page.getByRole('heading', { level: 1, name: 'RemoveBackendServers' }).waitFor();
    }));

  test('what an error recommends is the page of its code', async () => {
    const answer = await fetch(`${sluice.endpoint}/`);
    const { Recommend, Code } = (await answer.json()) as { Recommend: string; Code: string };
    const page = await fetch(Recommend);
    assert.equal(page.status, 200);
    assert.ok((await page.text()).includes(`<h1>${Code}</h1>`));
  });

  test('an address without a page says so', async () => {
    for (const path of ['Nope', 'errors/Nope', 'errors/..%2f..%2fpackage.json', 'errors/%3Cb%3E']) {
      const answer = await fetch(`${sluice.endpoint}/docs/${path}`);
      assert.equal(answer.status, 404, path);
      assert.match(await answer.text(), /<h1>No such page<\/h1>/, path);
    }
  });

  test('pages and openapi.json are compressed, and not sent again to who has them', async () => {
    for (const path of ['/docs/errors', '/openapi.json']) {
      const answer = await fetch(`${sluice.endpoint}${path}`);
      assert.equal(answer.headers.get('content-encoding'), 'gzip', path);
      const etag = answer.headers.get('etag') ?? '';
      const again = await fetch(`${sluice.endpoint}${path}`, {
        headers: { 'if-none-match': etag },
      });
      assert.deepEqual([answer.status, again.status], [200, 304], path);
    }
  });
});
