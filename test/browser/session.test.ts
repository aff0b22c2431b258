import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { AccessKeyPair } from '../../src/access-key-pair.ts';
import { type Browser, lookAt, openBrowser, type Page, signIn } from '../support/browser.ts';
import { rootKey, type Sluice, startSluice } from '../support/sluice.ts';

/** Signing in and out of the console, as a person sees it. */

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

const ram = async (action: string, parameters: Readonly<Record<string, unknown>>) =>
  (await sluice.client.call('Ram', action, parameters)).body as Record<string, unknown>;

/** A fresh user without any policy, with a key. */
async function createUser(UserName: string): Promise<AccessKeyPair> {
  await ram('CreateUser', { UserName });
  const { AccessKey } = (await ram('CreateAccessKey', { UserName })) as {
    AccessKey: { AccessKeyId: string; AccessKeySecret: string };
  };
  return { accessKeyId: AccessKey.AccessKeyId, accessKeySecret: AccessKey.AccessKeySecret };
}

async function ticket(): Promise<string> {
  const { body } = await sluice.client.call('Sluice', 'CreateConsoleTicket', {});
  return (body as { Ticket: string }).Ticket;
}

const form = (page: Page) => page.getByRole('button', { name: 'Sign in' });
const visit = (story: (page: Page) => Promise<void>) => browser.visit(sluice.endpoint, story);

/** Bytes of everything that a page has fetched so far, as they came over the wire. */
const fetched = (page: Page) =>
  page.evaluate<number>(
    '[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]' +
      '.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)',
  );

test('the first page with all it needs is under 150 KB', () =>
  visit(async (page) => {
    await signIn(page, rootKey);
    await page.locator('.empty').waitFor();
    const bytes = await fetched(page);
    assert.ok(bytes > 10_000 && bytes < 150_000, `${bytes} bytes`);
  }));

describe('signing in', () => {
  test('with an access key pair, which the browser does not keep', () =>
    visit(async (page) => {
      await page.goto('/console/');
      await form(page).waitFor();
      await lookAt(page, 'sign-in');
      await signIn(page, rootKey);
      await page.getByText('root', { exact: true }).waitFor();
      const kept = await page.evaluate<string>(
        'JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }])',
      );
      // Of one sign-in, the secret of its session, for this tab alone.
      assert.match(kept, /^\["",\{\},\{"sluice-session":"[\w-]{43}"\}\]$/);
      await page.reload();
      await page.getByRole('button', { name: 'Sign out' }).waitFor();
      await lookAt(page, 'signed-in');
    }));

  test('with the keyboard alone', () =>
    visit(async (page) => {
      await page.goto('/console/');
      await form(page).waitFor();
      await page.keyboard.press('Tab');
      await page.keyboard.type(rootKey.accessKeyId);
      await page.keyboard.press('Tab');
      await page.keyboard.type(rootKey.accessKeySecret);
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: 'Sign out' }).waitFor();
      // The first stop leads past the bar.
      await page.keyboard.press('Tab');
      await page
        .getByRole('link', { name: 'Skip to content' })
        .and(page.locator(':focus'))
        .waitFor();
      await page.keyboard.press('Enter');
      await page.locator('main:focus').waitFor();
    }));

  test('with a wrong secret says that the pair is wrong, and no more', () =>
    visit(async (page) => {
      await page.goto('/console/');
      await page.getByLabel('Access key ID').fill(rootKey.accessKeyId);
      await page.getByLabel('Access key secret').fill('not the secret');
      await form(page).click();
      const alert = page.getByRole('alert');
      await alert.waitFor();
      assert.equal(await alert.textContent(), 'The AccessKey pair is incorrect or disabled.');
      await lookAt(page, 'sign-in-wrong');
    }));

  test('by a link, once', () =>
    visit(async (page) => {
      const link = `/console/start?ticket=${await ticket()}`;
      await page.goto(link);
      await page.getByRole('button', { name: 'Sign out' }).waitFor();
      assert.equal(new URL(page.url()).pathname, '/console/');
      await page.getByRole('button', { name: 'Sign out' }).click();
      await form(page).waitFor();
      await page.goto(link);
      await page.getByRole('status').filter({ hasText: 'This link was used before' }).waitFor();
      await form(page).waitFor();
    }));
});

describe('a session', () => {
  test('that has ended leads to the form, and from there back to the same page', () =>
    visit(async (page) => {
      const amy = await createUser('amy');
      await signIn(page, amy, '/console/explorer?product=Ens');
      const status = { UserName: 'amy', UserAccessKeyId: amy.accessKeyId };
      await ram('UpdateAccessKey', { ...status, Status: 'Inactive' });
      await page.getByRole('link', { name: 'Load balancers', exact: true }).click();
      await page.getByRole('status').filter({ hasText: 'Your session has ended' }).waitFor();
      await ram('UpdateAccessKey', { ...status, Status: 'Active' });
      await page.getByLabel('Access key ID').fill(amy.accessKeyId);
      await page.getByLabel('Access key secret').fill(amy.accessKeySecret);
      await form(page).click();
      await page.getByRole('button', { name: 'Sign out' }).waitFor();
      assert.match(page.url(), /\/console\/$/);
    }));

  test('that ends while its page only watches is noticed without a click', () =>
    visit(async (page) => {
      const eve = await createUser('eve');
      const read = { PolicyType: 'System', PolicyName: 'ReadOnlyAccess' };
      await ram('AttachPolicyToUser', { UserName: 'eve', ...read });
      await signIn(page, eve);
      await page.getByText('No load balancer yet').waitFor();
      const key = { UserName: 'eve', UserAccessKeyId: eve.accessKeyId };
      await ram('UpdateAccessKey', { ...key, Status: 'Inactive' });
      await page.getByRole('status').filter({ hasText: 'Your session has ended' }).waitFor();
    }));

  test('of a user that may not says so in words, with what was asked', () =>
    visit(async (page) => {
      await signIn(page, await createUser('bob'));
      await page.getByText('Whoever manages access can allow you').waitFor();
      await lookAt(page, 'denied');
    }));

  test('that is signed out in one tab is over in the other', () =>
    visit(async (page) => {
      await signIn(page, rootKey);
      const other = await page.context().newPage();
      await signIn(other, rootKey);
      await other.getByRole('button', { name: 'Sign out' }).click();
      await other.getByRole('status').filter({ hasText: 'You have signed out' }).waitFor();
      await page.bringToFront();
      await form(page).waitFor();
    }));
});
