import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RpcClient } from '../../src/client.ts';
import { type ListenerMinute, minuteFields, packMinute } from '../../src/fleet/protocol.ts';
import { type Browser, lookAt, openBrowser, type Page, signIn } from '../support/browser.ts';
import { emptyLoadBalancer } from '../support/scene.ts';
import { rootKey, type Sluice, startSluice } from '../support/sluice.ts';
import { until } from '../support/wait.ts';

/** Charts of minutes that a forwarder has reported, as a person reads them. */

let sluice: Sluice;
let browser: Browser;
let path: string;
/** The last minute that is reported; those around `gap` minutes before it are not. */
let last: number;
const reported = 30;
const gap = { from: 10, until: 14 };
const minute = 60_000;

before(async () => {
  [sluice, browser] = await Promise.all([
    startSluice({ mode: 'control-plane', flags: [] }),
    openBrowser(),
  ]);
  const { client } = sluice;
  await client.call('Sluice', 'RegisterSite', {
    EnsRegionId: 'local',
    AddressPool: '198.51.100.0/24',
  });
  const id = await emptyLoadBalancer(client);
  path = `/console/monitors/${id}`;
  await client.call('Ens', 'CreateLoadBalancerTCPListener', {
    LoadBalancerId: id,
    ListenerPort: 80,
  });
  await client.call('Ens', 'CreateLoadBalancerHTTPListener', {
    LoadBalancerId: id,
    ListenerPort: 81,
    HealthCheck: 'off',
  });
  last = Math.floor(Date.now() / minute) * minute - 2 * minute;
  await report(id);
});
after(async () => {
  await browser?.close();
  await sluice?.stop();
});

/** One listener's minute; what is not given is 0. */
function packed(fields: Partial<ListenerMinute>) {
  const zeros = Object.fromEntries(minuteFields.map((field) => [field, 0]));
  return packMinute({ ...(zeros as ListenerMinute), ...fields });
}

/** Minutes ago -> what they were, by the call that forwarders make. */
async function report(id: string): Promise<void> {
  const { body } = await sluice.client.call('Sluice', 'RegisterForwarder', {
    EnsRegionId: 'local',
    ForwarderName: 'edge-1',
  });
  const { AccessKeyId, AccessKeySecret } = body as { [name: string]: string };
  const forwarder = new RpcClient({
    endpoint: sluice.endpoint,
    accessKeyId: AccessKeyId!,
    accessKeySecret: AccessKeySecret!,
  });
  for (let ago = 0; ago < reported; ago += 1) {
    if (ago >= gap.from && ago < gap.until) continue;
    const listeners = {
      'tcp:80': packed({ active: 40 + ago, connections: 600, bytesIn: 7_500, validServers: 3 }),
      'http:81': packed({
        active: 2,
        connections: 60,
        bytesIn: 7_500,
        requests: 126,
        responses2xx: 120,
        responses5xx: 6 * (ago % 3),
        validServers: 2,
        invalidServers: 1,
      }),
    };
    const Report = JSON.stringify({
      minute: {
        minute: new Date(last - ago * minute).toISOString().slice(0, 16),
        part: '1',
        listeners: { [id]: listeners },
      },
    });
    await forwarder.call('Sluice', 'ReportSite', { EnsRegionId: 'local', Report });
  }
  await forwarder.close();
}

const visit = (story: (page: Page) => Promise<void>) => browser.visit(sluice.endpoint, story);
const chart = (page: Page, title: string) =>
  page.getByRole('slider', { name: `${title}, minute by minute`, exact: true });
const text = async (page: Page, title: string) =>
  (await chart(page, title).getAttribute('aria-valuetext')) ?? '';

const minuteOf = async (page: Page) =>
  Number(await chart(page, 'Connections').getAttribute('aria-valuenow'));

/** Waits until a chart says so of the minute that is read. */
const reads = (page: Page, title: string, said: RegExp) =>
  until(async () => said.test(await text(page, title)), { what: `${title} to say ${said}` });

/** Opens the page and puts the reader on the last minute that was reported. */
async function open(page: Page): Promise<void> {
  await signIn(page, rootKey, path);
  await chart(page, 'Connections').focus();
  await page.keyboard.press('End');
  await reads(page, 'Connections', /: open/);
  while (!/: open 42$/.test(await text(page, 'Connections'))) {
    const before = await text(page, 'Connections');
    assert.match(before, /not known$/);
    await page.keyboard.press('ArrowLeft');
    await until(async () => (await text(page, 'Connections')) !== before, { what: 'a step' });
  }
}

test('the keyboard reads exact values on every chart, and a gap is no zero', () =>
  visit(async (page) => {
    await open(page);
    await reads(page, 'Connections', /: open 42$/);
    await reads(page, 'New connections', /: new 11 \/s, came to no server 0 \/s$/);
    await reads(page, 'Traffic', /: from clients 2 kbit\/s, /);
    await reads(page, 'Answers by status', /: 2xx 2 \/s, .*5xx 0 \/s$/);
    await reads(page, 'Servers', /: in service 2, probes fail 1$/);
    await page.getByText('Nothing is known of this time.').waitFor();
    await page.keyboard.press('PageDown');
    await reads(page, 'Connections', /: open not known$/);
    await page.keyboard.press('ArrowRight');
    await reads(page, 'Connections', /: open 51$/);
    await lookAt(page, 'monitor');
  }));

test('a listener is read on its own', () =>
  visit(async (page) => {
    await open(page);
    await page.getByLabel('Listener').selectOption('tcp:80');
    await reads(page, 'Connections', /: open 40$/);
    await reads(page, 'Servers', /: in service 3, probes fail 0$/);
  }));

test('the pointer reads values, and dragging zooms until it is reset', () =>
  visit(async (page) => {
    await open(page);
    const reset = page.getByRole('button', { name: 'Reset zoom' });
    assert.equal(await reset.isDisabled(), true);
    const plot = page.locator('.u-over').first();
    const box = await plot.boundingBox();
    assert.ok(box !== null);
    const at = (share: number) => box.x + box.width * share;
    const middle = box.y + box.height / 2;
    await page.mouse.move(at(0.9), middle);
    await reads(page, 'Connections', /: open 4[4-7]$/);
    await page.mouse.move(at(0.6), middle);
    await page.mouse.down();
    await page.mouse.move(at(0.95), middle, { steps: 5 });
    await page.mouse.up();
    await page.getByRole('button', { name: 'Reset zoom', disabled: false }).waitFor();
    await chart(page, 'Connections').focus();
    await page.keyboard.press('Home');
    await until(async () => (await minuteOf(page)) > 30 && (await minuteOf(page)) < 40, {
      what: 'the first minute of what was dragged over',
    });
    await lookAt(page, 'monitor-zoomed');
    await reset.click();
    await chart(page, 'Connections').focus();
    await page.keyboard.press('Home');
    await until(async () => (await minuteOf(page)) === 0, { what: 'the first minute of all' });
  }));

test('the table has what the charts have, without minutes of which nothing is known', () =>
  visit(async (page) => {
    await open(page);
    await page.getByRole('tab', { name: 'Table' }).click();
    const rows = page.getByRole('region', { name: 'Values' }).getByRole('row');
    await rows.nth(1).waitFor();
    assert.equal(await rows.count(), 1 + reported - (gap.until - gap.from));
    assert.match((await rows.nth(1).textContent()) ?? '', /42/);
    await lookAt(page, 'monitor-table');
  }));

test('every load balancer leads to its charts', () =>
  visit(async (page) => {
    await signIn(page, rootKey, '/console/monitors');
    const link = page.getByRole('main').getByRole('link', { name: /scene/ });
    await link.waitFor();
    await lookAt(page, 'monitors');
    await link.click();
    await chart(page, 'Connections').waitFor();
    await page.getByLabel('Time').selectOption('24');
    await chart(page, 'Connections').waitFor();
  }));

test('a name of 128 characters fits on a phone', () =>
  visit(async (page) => {
    const LoadBalancerName = 'n'.repeat(128);
    const LoadBalancerId = path.split('/').at(-1);
    const named = { LoadBalancerId, LoadBalancerName };
    await sluice.client.call('Ens', 'ModifyLoadBalancerAttribute', named);
    await signIn(page, rootKey, '/console/monitors');
    await page.getByRole('link', { name: LoadBalancerName }).waitFor();
    await lookAt(page, 'monitors-long-name');
    await page.goto(path);
    await page.getByRole('heading', { name: LoadBalancerName }).waitFor();
    await lookAt(page, 'monitor-long-name');
  }));
