import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { RpcClient } from '../../src/client.ts';
import type { SiteReport } from '../../src/fleet/protocol.ts';
import { type Browser, lookAt, openBrowser, type Page, signIn } from '../support/browser.ts';
import { emptyLoadBalancer } from '../support/scene.ts';
import { rootKey, type Sluice, startSluice } from '../support/sluice.ts';

/** Sites and forwarders, as a person sees them; the forwarders report what a test wants. */

let sluice: Sluice;
let browser: Browser;
const reporters: Reporter[] = [];

before(async () => {
  [sluice, browser] = await Promise.all([
    startSluice({ mode: 'control-plane', flags: [] }),
    openBrowser(),
  ]);
});
after(async () => {
  await Promise.all(reporters.map((each) => each.stop()));
  await browser?.close();
  await sluice?.stop();
});

const ask = (action: string, parameters: Readonly<Record<string, unknown>>) =>
  sluice.client.call('Sluice', action, parameters);
const visit = (story: (page: Page) => Promise<void>) => browser.visit(sluice.endpoint, story);
const card = (page: Page, site: string) => page.getByRole('region', { name: site, exact: true });
const row = (page: Page, name: string) => page.getByRole('row').filter({ hasText: name });

/** Watches a site and says the same of it over and over, as a forwarder does. */
class Reporter {
  report: SiteReport;
  readonly #client: RpcClient;
  readonly #site: string;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #abort = new AbortController();

  constructor(site: string, client: RpcClient, report: SiteReport) {
    this.#site = site;
    this.#client = client;
    this.report = report;
    // A beat that fails is missed: the next one tells the same.
    this.#timer = setInterval(() => void this.say().catch(() => undefined), 500);
    reporters.push(this);
    void this.#watch();
  }

  /** Only one that is sent the site is a member of it. */
  async #watch(): Promise<void> {
    const parameters = { EnsRegionId: this.#site };
    const lines = this.#client.stream('Sluice', 'WatchSite', parameters, this.#abort.signal);
    try {
      for await (const _ of lines);
    } catch {
      // It ends with the reporter.
    }
  }

  async say(): Promise<void> {
    const Report = JSON.stringify(this.report);
    await this.#client.call('Sluice', 'ReportSite', { EnsRegionId: this.#site, Report });
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#abort.abort();
    await this.#client.close();
  }
}

async function register(site: string, ForwarderName: string): Promise<RpcClient> {
  const { body } = await ask('RegisterForwarder', { EnsRegionId: site, ForwarderName });
  const { AccessKeyId, AccessKeySecret } = body as { [name: string]: string };
  return new RpcClient({
    endpoint: sluice.endpoint,
    accessKeyId: AccessKeyId!,
    accessKeySecret: AccessKeySecret!,
  });
}

const said = (revision: number, notices: string[] = []): SiteReport => ({
  applied: { revision, failures: [] },
  status: { drains: [], health: [], engine: 'haproxy 2.6.12', notices },
});

test('a site and its forwarder are registered by hand; the key is shown once', () =>
  visit(async (page) => {
    await signIn(page, rootKey, '/console/sites');
    await page.getByRole('button', { name: 'Register site' }).click();
    await page.getByLabel('Site ID').fill('west');
    await page.getByLabel('Address pool').fill('192.0.2.7/24');
    await page.getByRole('button', { name: 'Register', exact: true }).click();
    await page.getByRole('alert').filter({ hasText: 'AddressPool' }).waitFor();
    await page.getByLabel('Address pool').fill('192.0.2.0/24');
    await page.getByRole('button', { name: 'Register', exact: true }).click();
    await card(page, 'west').getByText('No forwarder carries this site').waitFor();

    await page.getByRole('button', { name: 'Register forwarder of west' }).click();
    await page.getByLabel('Name').fill('west-1');
    await lookAt(page, 'sites-register-forwarder');
    await page.getByRole('button', { name: 'Register', exact: true }).click();
    await page.getByText('The secret is shown this once.').waitFor();
    await page.getByText(`sluice forwarder --endpoint ${sluice.endpoint} --site west`).waitFor();
    await lookAt(page, 'sites-key');
    await page.getByRole('button', { name: 'I have the secret' }).click();
    await row(page, 'west-1').getByText('has never connected').waitFor();

    await page.getByRole('button', { name: 'Deregister west-1' }).click();
    await page.getByRole('button', { name: 'Deregister', exact: true }).click();
    await card(page, 'west').getByText('No forwarder carries this site').waitFor();
  }));

describe('a forwarder', () => {
  test('that lags, fails, catches up and stops is told of without a reload', () =>
    visit(async (page) => {
      await ask('RegisterSite', { EnsRegionId: 'north', AddressPool: '198.51.100.0/24' });
      const edge = new Reporter(
        'north',
        await register('north', 'north-1'),
        said(1, ['disk full']),
      );
      await edge.say();
      const silent = await register('north', 'north-2');
      await silent.close();
      const id = await emptyLoadBalancer(sluice.client, 'north');

      await signIn(page, rootKey, '/console/sites');
      await row(page, 'north-1').getByText('behind: 1 load balancer').waitFor();
      await row(page, 'north-2').getByText('has never connected').waitFor();
      const north = card(page, 'north');
      await north.getByText('disk full').waitFor();
      await north.getByRole('link', { name: id }).waitFor();
      await north.getByText('It is at revision 1 still.').waitFor();
      await lookAt(page, 'sites');

      const failures = [{ loadBalancerId: id, listener: 'tcp:80', reason: 'port 80 is taken' }];
      edge.report = { ...said(1_000_000), applied: { revision: 1_000_000, failures } };
      await north.getByText('tcp:80: port 80 is taken').waitFor();
      await row(page, 'north-1').getByText('up to date').waitFor();

      edge.report = said(1_000_000);
      await ask('DeregisterForwarder', { EnsRegionId: 'north', ForwarderName: 'north-2' });
      await north.getByText('Every change is on every forwarder.').waitFor();

      await edge.stop();
      await row(page, 'north-1').getByText('it may go on serving').waitFor();
      await lookAt(page, 'sites-silent');
    }));
});

test('freezing says what it means, and holds until it is undone', () =>
  visit(async (page) => {
    await signIn(page, rootKey, '/console/sites');
    await page.getByRole('button', { name: 'Freeze…' }).click();
    await page.getByText('no forwarder learns of them').waitFor();
    await page.getByLabel('Reason').fill('exam week');
    await lookAt(page, 'sites-freeze');
    await page.getByRole('button', { name: 'Freeze', exact: true }).click();
    await page.getByText('exam week').waitFor();
    const frozen = async () => (await ask('DescribeFreeze', {})).body as { Frozen: boolean };
    assert.equal((await frozen()).Frozen, true);
    await page.getByRole('button', { name: 'Unfreeze…' }).click();
    await page.getByRole('button', { name: 'Unfreeze', exact: true }).click();
    await page.getByText('Not frozen').waitFor();
    assert.equal((await frozen()).Frozen, false);
  }));

test('instances of a site are registered, listed and deregistered', () =>
  visit(async (page) => {
    await ask('RegisterSite', { EnsRegionId: 'east', AddressPool: '203.0.113.0/24' });
    await signIn(page, rootKey, '/console/sites');
    const east = card(page, 'east');
    await east.getByText('Instances', { exact: true }).click();
    await east.getByText('No machine is registered here.').waitFor();
    await east.getByRole('button', { name: 'Register instance' }).click();
    await page.getByLabel('Address', { exact: true }).fill('10.1.2.3');
    await page.getByLabel('Name').fill('web-1');
    await page.getByRole('button', { name: 'Register', exact: true }).click();
    await east.getByRole('cell', { name: '10.1.2.3' }).waitFor();
    await east.getByRole('button', { name: 'Deregister web-1' }).click();
    await page.getByRole('button', { name: 'Deregister', exact: true }).last().click();
    await east.getByText('No machine is registered here.').waitFor();
  }));
