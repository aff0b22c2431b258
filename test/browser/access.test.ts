import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { RpcClient } from '../../src/client.ts';
import { type Browser, lookAt, openBrowser, type Page, signIn } from '../support/browser.ts';
import { rootKey, type Sluice, startSluice } from '../support/sluice.ts';

/** The pages of users, policies and decisions, as a person who manages access goes through them. */

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

const visit = (story: (page: Page) => Promise<void>) => browser.visit(sluice.endpoint, story);
const ram = (action: string, parameters: Readonly<Record<string, unknown>>) =>
  sluice.client.call('Ram', action, parameters);

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });
const dialog = (page: Page) => page.getByRole('dialog');

/** Replaces what stands in the editor by what is typed. */
async function write(page: Page, text: string): Promise<void> {
  await page.getByRole('textbox', { name: /Policy document|Document of|Trust policy/ }).click();
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText(text);
}

const document = (statement: object) =>
  JSON.stringify({ Version: '1', Statement: [statement] }, null, 2);
const reading = { Effect: 'Allow', Action: 'ens:Describe*', Resource: '*' };

describe('a user', () => {
  test('is made, gets a key whose secret is shown once, and the key counts', () =>
    visit(async (page) => {
      await signIn(page, rootKey, '/console/access');
      await page.getByText('There is no user yet').waitFor();
      await lookAt(page, 'access-empty');
      await button(page, 'Create user').click();
      await dialog(page).getByLabel('Name').fill('deploy');
      await lookAt(page, 'access-create-user');
      await dialog(page).getByRole('button', { name: 'Create', exact: true }).click();
      await page.getByRole('link', { name: 'deploy' }).click();
      await button(page, 'Create access key').click();
      await dialog(page).getByRole('button', { name: 'Create', exact: true }).click();
      await page.getByText('The secret is shown this once').waitFor();
      const [accessKeyId = '', accessKeySecret = ''] = await page
        .locator('code.secret')
        .allInnerTexts();
      await lookAt(page, 'access-secret');
      await button(page, 'I have kept it').click();
      await page.getByText('1 of 2 at most').waitFor();
      assert.ok(!(await page.content()).includes(accessKeySecret));
      await lookAt(page, 'access-user');

      const client = new RpcClient({ endpoint: sluice.endpoint, accessKeyId, accessKeySecret });
      try {
        const { body } = await client.call('Sts', 'GetCallerIdentity', {});
        assert.match(JSON.stringify(body), /user\/deploy/);
        await button(page, 'Deactivate').click();
        await dialog(page).getByRole('button', { name: 'Deactivate' }).click();
        await page.getByText('Inactive').waitFor();
        await assert.rejects(client.call('Sts', 'GetCallerIdentity', {}), { code: /Inactive/ });
      } finally {
        await client.close();
      }
    }));

  test('without rights is told what is lacking', () =>
    visit(async (page) => {
      await ram('CreateUser', { UserName: 'guest' });
      const { body } = await ram('CreateAccessKey', { UserName: 'guest' });
      const { AccessKey } = body as Record<'AccessKey', Record<string, string>>;
      const { AccessKeyId = '', AccessKeySecret = '' } = AccessKey;
      const key = { accessKeyId: AccessKeyId, accessKeySecret: AccessKeySecret };
      await signIn(page, key, '/console/access');
      await page.getByRole('alert').getByText('ram:ListUsers').waitFor();
      await page.getByText('no policy allows it now').waitFor();
      await lookAt(page, 'access-denied');
    }));
});

describe('a policy', () => {
  test('is told its mistakes as it is typed, and decides once it is attached', () =>
    visit(async (page) => {
      await ram('CreateUser', { UserName: 'reader' });
      await signIn(page, rootKey, '/console/access/policies/new');
      await page.getByLabel('Name').fill('reading');
      await write(page, document({ ...reading, Effect: 'Permit' }));
      const status = page.getByRole('status').filter({ hasText: 'Line' });
      await status.getByText('Line 5: Statement 1: Effect must be "Allow" or "Deny".').waitFor();
      await page.locator('.policy-editor .cm-lintRange-error').first().waitFor();
      assert.ok(await button(page, /^Create$/).isDisabled());
      await lookAt(page, 'access-policy-wrong');
      await write(page, document(reading));
      await page.getByText('No mistake').waitFor();
      await button(page, /^Create$/).click();
      await page.getByText('Nobody: it has no effect').waitFor();
      await lookAt(page, 'access-policy');

      const question = '/console/access/explain?user=reader&action=ens:DescribeLoadBalancers';
      await page.goto(question);
      await page.getByText('Denied: nothing allows it').waitFor();
      await page.getByText(/Attach a policy that allows/).waitFor();
      await lookAt(page, 'access-explain-denied');

      await page.goto('/console/access/users/reader');
      await button(page, 'Attach policy').click();
      await dialog(page).getByLabel('Policy', { exact: true }).selectOption('Custom reading');
      await dialog(page).getByRole('button', { name: 'Attach', exact: true }).click();
      await page.getByText('1 of 10 custom').waitFor();

      await page.goto(question);
      await page.getByText('Allowed').waitFor();
      await page.getByRole('link', { name: 'Go to statement 1 of reading v1' }).click();
      await page.locator('.policy-editor .cm-focused').waitFor();
    }));

  test('gets a new version, which counts at once; the one before stays', () =>
    visit(async (page) => {
      await ram('CreatePolicy', { PolicyName: 'versions', PolicyDocument: document(reading) });
      await signIn(page, rootKey, '/console/access/policies/Custom/versions');
      await write(page, document({ ...reading, Effect: 'Deny' }));
      await button(page, 'Save as new version').click();
      await dialog(page).getByRole('button', { name: 'Save' }).click();
      await page.getByText('2 of 5 versions').waitFor();
      await button(page, 'Make v1 count').waitFor();
      await lookAt(page, 'access-versions');
    }));

  test('is completed with the names of actions', () =>
    visit(async (page) => {
      await signIn(page, rootKey, '/console/access/policies/new');
      await page.getByRole('textbox', { name: 'Policy document' }).waitFor();
      await write(page, '{"Version": "1", "Statement": [{"Action": "');
      await page.keyboard.type('ens:RemoveBack');
      await page.getByRole('option', { name: /ens:RemoveBackendServers/ }).click();
      await page.locator('.policy-editor').getByText('ens:RemoveBackendServers').waitFor();
    }));

  test('does not hold the keyboard: Tab leaves the editor', () =>
    visit(async (page) => {
      await signIn(page, rootKey, '/console/access/policies/new');
      await write(page, document(reading));
      await page.locator('.policy-editor .cm-focused').waitFor();
      await page.keyboard.press('Tab');
      await page.locator('.policy-editor .cm-focused').waitFor({ state: 'detached' });
    }));
});
