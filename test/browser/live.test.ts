import { after, before, test } from 'node:test';
import { type Browser, lookAt, openBrowser, type Page, signIn } from '../support/browser.ts';
import { emptyLoadBalancer } from '../support/scene.ts';
import { rootKey, type Sluice, startSluice } from '../support/sluice.ts';

/** What a live page says while its control plane is hung, down, or watched by many tabs. */

let sluice: Sluice;
let browser: Browser;
let path: string;

before(async () => {
  [sluice, browser] = await Promise.all([
    startSluice({ mode: 'control-plane', flags: [] }),
    openBrowser(),
  ]);
  await sluice.client.call('Sluice', 'RegisterSite', {
    EnsRegionId: 'local',
    AddressPool: '198.51.100.0/24',
  });
  path = `/console/load-balancers/${await emptyLoadBalancer(sluice.client)}`;
});
after(async () => {
  sluice?.process.kill('SIGCONT');
  await browser?.close();
  await sluice?.stop();
});

const visit = (story: (page: Page) => Promise<void>) => browser.visit(sluice.endpoint, story);
const live = (page: Page) => page.getByText('Live', { exact: true });
const stale = (page: Page) => page.getByRole('status').filter({ hasText: 'may be out of date' });

/** Has a page believe that its tab is hidden, or shown again: headless tabs are all shown. */
async function setVisibility(page: Page, value: 'hidden' | 'visible'): Promise<void> {
  await page.evaluate(
    `Object.defineProperty(document, 'visibilityState', { value: '${value}', configurable: true });
     document.dispatchEvent(new Event('visibilitychange'));`,
  );
}

test('a page is not called live while its control plane is hung, and says how old it is', () =>
  visit(async (page) => {
    await signIn(page, rootKey, path);
    await live(page).waitFor();
    sluice.process.kill('SIGSTOP');
    try {
      await stale(page).waitFor();
      await live(page).waitFor({ state: 'detached' });
      await lookAt(page, 'load-balancer-stale');
    } finally {
      sluice.process.kill('SIGCONT');
    }
    await live(page).waitFor();
    await stale(page).waitFor({ state: 'detached' });
  }));

test('a page that is opened while no call is answered says so, and loads when one is', () =>
  visit(async (page) => {
    await signIn(page, rootKey);
    await page.route('**/console/call', (route) => route.fulfill({ status: 503 }));
    await page.goto(path);
    await page.getByText('The control plane does not answer').waitFor();
    await lookAt(page, 'load-balancer-down');
    await page.unroute('**/console/call');
    await live(page).waitFor();
  }));

test('a user with the system policy of ENS alone reads the list and the page', () =>
  visit(async (page) => {
    for (const policy of ['AliyunENSReadOnlyAccess', 'AliyunENSFullAccess']) {
      const UserName = policy.toLowerCase();
      const ram = (action: string, parameters: Readonly<Record<string, unknown>>) =>
        sluice.client.call('Ram', action, { UserName, ...parameters });
      await ram('CreateUser', {});
      await ram('AttachPolicyToUser', { PolicyType: 'System', PolicyName: policy });
      const { body } = await ram('CreateAccessKey', {});
      const { AccessKey } = body as { AccessKey: Record<string, string> };
      const { AccessKeyId = '', AccessKeySecret = '' } = AccessKey;
      await signIn(page, { accessKeyId: AccessKeyId, accessKeySecret: AccessKeySecret });
      await page.getByText('1 to 1 of 1').waitFor();
      await page.goto(path);
      await live(page).waitFor();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
    }
  }));

test('a freeze is said at the top of the page', () =>
  visit(async (page) => {
    await signIn(page, rootKey, path);
    await live(page).waitFor();
    await sluice.client.call('Sluice', 'SetFreeze', { Frozen: true });
    try {
      await page.getByRole('status').filter({ hasText: 'Changes are frozen' }).waitFor();
    } finally {
      await sluice.client.call('Sluice', 'SetFreeze', { Frozen: false });
    }
    await page
      .getByRole('status')
      .filter({ hasText: 'Changes are frozen' })
      .waitFor({ state: 'detached' });
  }));

test('a seventh tab loads while six others are hidden, which go on when they are shown', () =>
  visit(async (page) => {
    await signIn(page, rootKey, path);
    const tabs = [page];
    while (tabs.length < 7) {
      await live(tabs.at(-1)!).waitFor();
      await setVisibility(tabs.at(-1)!, 'hidden');
      const tab = await page.context().newPage();
      await signIn(tab, rootKey, path);
      tabs.push(tab);
    }
    await live(tabs[6]!).waitFor();
    await setVisibility(tabs[6]!, 'hidden');
    await setVisibility(page, 'visible');
    await live(page).waitFor();
  }));
