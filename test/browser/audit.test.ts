import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { type Browser, lookAt, openBrowser, type Page, signIn } from '../support/browser.ts';
import { rootKey, type Sluice, startSluice } from '../support/sluice.ts';

/** The audit trail in the console. */

let sluice: Sluice;
let browser: Browser;

before(async () => {
  [sluice, browser] = await Promise.all([
    startSluice({ mode: 'control-plane', flags: [] }),
    openBrowser(),
  ]);
  const ram = (action: string, parameters: Readonly<Record<string, unknown>>) =>
    sluice.client.call('Ram', action, parameters);
  await ram('CreateUser', { UserName: 'ann', Comments: 'before' });
  await ram('UpdateUser', { UserName: 'ann', NewComments: 'after' });
  await assert.rejects(ram('DeleteUser', { UserName: 'nobody' }));
});
after(async () => {
  await browser?.close();
  await sluice?.stop();
});

const visit = (story: (page: Page) => Promise<void>) => browser.visit(sluice.endpoint, story);
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const event = (page: Page, name: string) => page.getByRole('link', { name, exact: true });

describe('the audit trail', () => {
  test('shows of a change who made it, and what was before and after', () =>
    visit(async (page) => {
      await signIn(page, rootKey, '/console/audit');
      await event(page, 'UpdateUser').waitFor();
      await lookAt(page, 'audit');
      await event(page, 'UpdateUser').click();
      const dialog = page.getByRole('dialog');
      await dialog.locator('.gone').filter({ hasText: '"comments": "before"' }).waitFor();
      await dialog.locator('.new').filter({ hasText: '"comments": "after"' }).waitFor();
      await dialog.getByText('root (root-account)').waitFor();
      await lookAt(page, 'audit-event');
      // The address names the event, for somebody else to look at.
      await page.reload();
      await dialog.locator('.gone').filter({ hasText: '"comments": "before"' }).waitFor();
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      await page.waitForURL((url) => !url.searchParams.has('event'));
    }));

  test('is narrowed, and the address holds by what', () =>
    visit(async (page) => {
      await signIn(page, rootKey, '/console/audit');
      await event(page, 'UpdateUser').waitFor();
      await page.getByLabel('Show').selectOption('Only errors');
      await button(page, 'Show').click();
      await page.getByText('EntityNotExist.User').waitFor();
      assert.match(page.url(), /only=errors/);
      await event(page, 'UpdateUser').waitFor({ state: 'detached' });
      await page.reload();
      await page.getByText('EntityNotExist.User').waitFor();
      await page.goto('/console/audit?resource=ann&action=CreateUser');
      await event(page, 'CreateUser').waitFor();
      await page.getByText('1 events').waitFor();
      await page.goto('/console/audit?resource=none');
      await page.getByText('No event matches').waitFor();
      await lookAt(page, 'audit-none');
    }));

  test('is verified, and told in words', () =>
    visit(async (page) => {
      await signIn(page, rootKey, '/console/audit');
      await button(page, 'Verify the whole log').click();
      await page.getByText('As it was written').waitFor();
      await page.getByText('Newest seal').waitFor();
    }));

  test('is saved as JSON lines', () =>
    visit(async (page) => {
      await signIn(page, rootKey, '/console/audit');
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        button(page, 'Export as JSON lines').click(),
      ]);
      const lines = (await readFile(await download.path(), 'utf8')).trim().split('\n');
      const names = lines.map((line) => (JSON.parse(line) as { eventName: string }).eventName);
      assert.ok(names.includes('CreateUser') && names.includes('UpdateUser'), names.join());
    }));
});
