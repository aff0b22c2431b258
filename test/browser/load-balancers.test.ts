import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { languages } from '../../src/sdk/samples/index.ts';
import { fillSqlite } from '../../src/store/fill.ts';
import { keys } from '../../src/store/keys.ts';
import { startHttpServer, startTcpEcho, type TestBackend } from '../support/backends.ts';
import { type Browser, lookAt, openBrowser, type Page, signIn } from '../support/browser.ts';
import { get, openSession, startHttpLoad } from '../support/load.ts';
import { freePort } from '../support/ports.ts';
import { buildScene, emptyLoadBalancer, type Scene } from '../support/scene.ts';
import { rootKey, type Sluice, startSluice } from '../support/sluice.ts';
import { until } from '../support/wait.ts';

/** The pages of load balancers, with real traffic behind them. */

let sluice: Sluice;
let browser: Browser;
const backends: TestBackend[] = [];

before(async () => {
  [sluice, browser] = await Promise.all([startSluice(), openBrowser()]);
});
after(async () => {
  await browser?.close();
  for (const backend of backends) await backend.close();
  await sluice?.stop();
});

async function webServers(...names: string[]): Promise<TestBackend[]> {
  const started = await Promise.all(names.map((name) => startHttpServer(name)));
  backends.push(...started);
  return started;
}

async function echoServers(...names: string[]): Promise<TestBackend[]> {
  const started = await Promise.all(names.map((name) => startTcpEcho(name)));
  backends.push(...started);
  return started;
}

/** Runs a story on the page of a load balancer. */
function onPage({ loadBalancerId }: Scene, story: (page: Page) => Promise<void>): Promise<void> {
  return browser.visit(sluice.endpoint, async (page) => {
    await signIn(page, rootKey, `/console/load-balancers/${loadBalancerId}`);
    await page.getByText('Live', { exact: true }).waitFor();
    await story(page);
  });
}

const row = (page: Page, server: string) =>
  page.getByRole('row').filter({ has: page.getByRole('button', { name: server, exact: true }) });
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });

/** Removes a server by its row, with so many seconds for its sessions. */
async function remove(page: Page, server: string, seconds: string): Promise<void> {
  await button(page, `Remove ${server}`).click();
  const dialog = page.getByRole('dialog', { name: `Remove ${server}?` });
  await dialog.getByLabel('Seconds that sessions may go on').fill(seconds);
  await dialog.getByRole('button', { name: 'Remove', exact: true }).click();
  await row(page, server).getByText('Draining').waitFor();
}

async function weights(scene: Scene): Promise<Record<string, number>> {
  const { body } = await sluice.client.call('Ens', 'DescribeLoadBalancerAttribute', {
    LoadBalancerId: scene.loadBalancerId,
  });
  const { BackendServers } = body as {
    BackendServers: readonly { ServerId: string; Weight: number }[];
  };
  return Object.fromEntries(BackendServers.map(({ ServerId, Weight }) => [ServerId, Weight]));
}

describe('a first load balancer', () => {
  test('is made, given a machine and a listener, and carries traffic', async () => {
    const [machine] = await webServers('first-1');
    await browser.visit(sluice.endpoint, async (page) => {
      await signIn(page, rootKey);
      await page.getByRole('heading', { name: 'No load balancer yet' }).waitFor();
      await lookAt(page, 'load-balancers-none');
      await sluice.client.call('Sluice', 'RegisterInstance', {
        EnsRegionId: 'local',
        InstanceId: machine!.name,
        PrivateIpAddress: machine!.ip,
      });
      await button(page, 'Create load balancer').click();
      await page.getByLabel('Name').fill('first');
      await lookAt(page, 'load-balancers-create');
      await button(page, 'Create').click();
      await page.getByRole('heading', { name: 'first' }).waitFor();

      await button(page, 'Add servers…').click();
      await page.getByLabel('first-1').check();
      await page.getByLabel('Port').fill(String(machine!.port));
      await lookAt(page, 'load-balancer-add');
      await button(page, 'Add').click();
      await row(page, 'first-1').waitFor();

      const address = (await page.locator('.facts code').textContent()) ?? '';
      const port = await freePort(address);
      await button(page, 'Add listener…').click();
      await page.getByLabel('Port', { exact: true }).fill(String(port));
      await lookAt(page, 'load-balancer-listener');
      await button(page, 'Add').click();
      await button(page, `Start http:${port}`).click();
      await row(page, 'first-1').getByText('Healthy').waitFor();
      const ask = () => get({ host: address, port, agent: false });
      assert.equal(await until(ask, { what: 'an answer' }), 'first-1');

      await button(page, 'first-1').click();
      await page.getByText(/^\S+: healthy$/).waitFor();
      await button(page, 'Delete…').click();
      await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
      await page.getByRole('heading', { name: 'No load balancer yet' }).waitFor();
    });
  });
});

describe('a server that is removed under load', () => {
  test('is seen to drain until it is out, and no request is lost', async () => {
    const servers = await webServers('web-1', 'web-2', 'web-3');
    const scene = await buildScene(sluice.client, servers, [{ protocol: 'HTTP' }]);
    const address = { host: scene.address, port: scene.ports[0]! };
    const load = startHttpLoad({ ...address, clients: 4, keepAlive: true });
    try {
      await onPage(scene, async (page) => {
        await row(page, 'web-2').getByText('Healthy').waitFor();
        // The third number of a row: what the forwarder counts of the requests a second.
        const rate = row(page, 'web-2').getByRole('cell').nth(4);
        await until(async () => /[1-9]/.test((await rate.textContent()) ?? ''), {
          what: 'a rate of requests',
        });
        await lookAt(page, 'load-balancer');
        await remove(page, 'web-2', '20');
        await page.getByText('Drained: every session has ended by itself').waitFor();
        await page.getByText('1 of 1 forwarder confirmed').waitFor();
        const mark = load.observations.length;
        await until(() => load.observations.length > mark + 50, { what: 'requests afterwards' });
        const late = load.observations.slice(mark + 8).filter(({ server }) => server === 'web-2');
        assert.deepEqual(late, []);
        await lookAt(page, 'load-balancer-drained');
        await button(page, 'Add again: web-2').click();
        await row(page, 'web-2').getByText('Healthy').waitFor();
      });
    } finally {
      await load.stop();
    }
    assert.deepEqual(load.failures, []);
  });

  test('comes back with its sessions when the removal is undone', async () => {
    const servers = await echoServers('undo-1', 'undo-2');
    const scene = await buildScene(sluice.client, servers, [{ protocol: 'TCP' }]);
    const session = await until(() => openSession(scene.address, scene.ports[0]!), {
      what: 'a session',
    });
    await onPage(scene, async (page) => {
      await remove(page, session.server, '600');
      await page.getByText('1 of 1 session left').waitFor();
      await lookAt(page, 'load-balancer-draining');
      await button(page, `Undo: ${session.server}`).click();
      await row(page, session.server).getByText('Draining').waitFor({ state: 'detached' });
      await session.echo('still here');
    });
    session.end();
    assert.deepEqual(await weights(scene), { 'undo-1': 100, 'undo-2': 100 });
  });

  test('loses the sessions that are left when they are cut', async () => {
    const servers = await echoServers('cut-1', 'cut-2');
    const scene = await buildScene(sluice.client, servers, [{ protocol: 'TCP' }]);
    const session = await until(() => openSession(scene.address, scene.ports[0]!), {
      what: 'a session',
    });
    await onPage(scene, async (page) => {
      await remove(page, session.server, '600');
      await page.getByText('1 of 1 session left').waitFor();
      await button(page, `Cut now: ${session.server}`).click();
      await page.getByText('Cut by an operator; remaining sessions closed').waitFor();
      await session.closed;
    });
  });
});

describe('several servers', () => {
  test('are removed in one call, chosen by the keyboard alone', async () => {
    const servers = await webServers('many-1', 'many-2', 'many-3');
    const scene = await buildScene(sluice.client, servers, [{ protocol: 'HTTP' }]);
    await onPage(scene, async (page) => {
      for (const name of ['many-1', 'many-3']) {
        await page.getByRole('checkbox', { name: `Choose ${name}` }).focus();
        await page.keyboard.press('Space');
      }
      await button(page, 'Remove…').focus();
      await page.keyboard.press('Enter');
      await page.getByRole('dialog', { name: 'Remove 2 servers?' }).waitFor();
      await lookAt(page, 'load-balancer-remove');
      await page.getByLabel('Seconds that sessions may go on').focus();
      await page.keyboard.press('Enter');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      assert.deepEqual(await weights(scene), { 'many-2': 100 });
      // The focus goes where what was done can be read.
      await page.locator('h2#servers:focus').waitFor();
    });
  });
});

describe('the code of a button', () => {
  test('is the very call that it makes, in every language', async () => {
    const servers = await webServers('code-1', 'code-2');
    const scene = await buildScene(sluice.client, servers, [{ protocol: 'HTTP' }]);
    await onPage(scene, async (page) => {
      await button(page, 'Remove code-2').click();
      await page.getByLabel('Seconds that sessions may go on').fill('7');
      await button(page, 'API call: RemoveBackendServers').click();
      const dialog = page.getByRole('dialog', { name: 'RemoveBackendServers' });
      const code = dialog.getByRole('tabpanel');
      for (const language of languages.filter(({ id }) => id !== 'terraform')) {
        await dialog.getByRole('tab', { name: language.title, exact: true }).click();
        for (const part of ['code-2', scene.loadBalancerId, 'RemoveBackendServers']) {
          await code.filter({ hasText: part }).waitFor();
        }
      }
      await dialog.getByRole('tab', { name: 'Sluice CLI' }).click();
      await code.filter({ hasText: '--header x-sluice-drain-seconds=7' }).waitFor();
      await lookAt(page, 'load-balancer-code');
      await page.keyboard.press('Escape');
      // Only the code is closed, and the focus is where it was.
      await button(page, 'API call: RemoveBackendServers').and(page.locator(':focus')).waitFor();
    });
  });
});

describe('two tabs that change one load balancer', () => {
  test('see each other, and neither undoes unseen what the other did', async () => {
    const servers = await webServers('tab-1', 'tab-2');
    const scene = await buildScene(sluice.client, servers, [{ protocol: 'HTTP' }]);
    await onPage(scene, async (page) => {
      const other = await page.context().newPage();
      const { pathname } = new URL(page.url());
      await signIn(other, rootKey, pathname);
      for (const tab of [page, other]) await button(tab, 'Weight of tab-1: 100. Change').click();
      const field = (tab: Page) => tab.getByRole('spinbutton', { name: 'Weight of tab-1' });
      await field(page).fill('30');
      await field(other).fill('70');
      await button(page, 'API call: SetBackendServers').click();
      await page.getByRole('tab', { name: 'Sluice CLI' }).waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await button(other, 'Set').click();
      await page.getByText('It was changed to 70 meanwhile.').waitFor();
      // What is being typed stays.
      assert.equal(await field(page).inputValue(), '30');
      await button(page, 'Set').click();
      await page.getByText('The weight of tab-1 was 100 and is 70.').waitFor();
      assert.deepEqual(await weights(scene), { 'tab-1': 70, 'tab-2': 100 });
      await lookAt(page, 'load-balancer-conflict');
      await button(page, 'Do it all the same').click();
      await button(other, 'Weight of tab-1: 30. Change').waitFor();
      assert.deepEqual(await weights(scene), { 'tab-1': 30, 'tab-2': 100 });
    });
  });
});

describe('a user that may only look', () => {
  test('sees everything live, and is told what they would have to be allowed', async () => {
    const servers = await webServers('look-1');
    const scene = await buildScene(sluice.client, servers, [{ protocol: 'HTTP' }]);
    const ram = (action: string, parameters: Record<string, unknown>) =>
      sluice.client.call('Ram', action, { UserName: 'onlooker', ...parameters });
    await ram('CreateUser', {});
    await ram('AttachPolicyToUser', { PolicyType: 'System', PolicyName: 'ReadOnlyAccess' });
    const { AccessKey } = (await ram('CreateAccessKey', {})).body as {
      AccessKey: { AccessKeyId: string; AccessKeySecret: string };
    };
    await browser.visit(sluice.endpoint, async (page) => {
      const { AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret } = AccessKey;
      await signIn(page, { accessKeyId, accessKeySecret });
      await page.locator(`a[href$="${scene.loadBalancerId}"]`).click();
      await row(page, 'look-1').getByText('Healthy').waitFor();
      await button(page, 'Remove look-1').click();
      await page.getByText('No server that takes traffic is left then').waitFor();
      await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
      await page.getByText('ens:RemoveBackendServers').waitFor();
      await lookAt(page, 'load-balancer-denied');
    });
    assert.deepEqual(await weights(scene), { 'look-1': 100 });
  });
});

describe('ten thousand load balancers', () => {
  const count = 10_000;
  let full: Sluice;
  let dataFolder: string;

  before(async () => {
    dataFolder = await mkdtemp(join(tmpdir(), 'sluice-many-'));
    await fill(dataFolder, count);
    full = await startSluice({ mode: 'control-plane', flags: [], dataFolder });
  });
  after(async () => {
    await full?.stop();
    await rm(dataFolder, { recursive: true, force: true });
  });

  test('are searched and paged, and the address keeps what is shown', () =>
    browser.visit(full.endpoint, async (page) => {
      await signIn(page, rootKey);
      await page.getByText('1 to 50 of 10,000').waitFor();
      await lookAt(page, 'load-balancers');
      assert.equal(await page.locator('tbody tr').count(), 50);
      await button(page, 'Next').click();
      await page.getByText('51 to 100 of 10,000').waitFor();
      await page.getByLabel('Search').fill('many 777');
      await page.getByText('1 to 11 of 11').waitFor();
      await page.getByRole('link', { name: 'many 7770' }).waitFor();
      await page.reload();
      await page.getByText('1 to 11 of 11').waitFor();
      assert.equal(await page.getByLabel('Search').inputValue(), 'many 777');
      await page.getByLabel('Status').selectOption('InActive');
      await page.getByText('No load balancer matches.').waitFor();
      await page.goBack();
      await page.getByText('1 to 11 of 11').waitFor();
    }));

  test('change on the page as they change, one by one', () =>
    browser.visit(full.endpoint, async (page) => {
      await signIn(page, rootKey, '/console/?search=many+4242');
      const link = page.getByRole('link', { name: 'many 4242' });
      const address = (await link.getAttribute('href')) ?? '';
      await full.client.call('Ens', 'ModifyLoadBalancerAttribute', {
        LoadBalancerId: address.split('/').at(-1),
        LoadBalancerName: 'many 4242 renamed',
      });
      await page.getByRole('link', { name: 'many 4242 renamed' }).waitFor();
    }));
});

/** Puts so many load balancers into the store of a data folder, all like one that was made. */
async function fill(dataFolder: string, count: number): Promise<void> {
  const first = await startSluice({ mode: 'control-plane', flags: [], dataFolder });
  await first.client.call('Sluice', 'RegisterSite', {
    EnsRegionId: 'many',
    AddressPool: '10.64.0.0/16',
  });
  const id = await emptyLoadBalancer(first.client, 'many');
  await first.client.call('Ens', 'ModifyLoadBalancerAttribute', {
    LoadBalancerId: id,
    LoadBalancerName: 'many 0',
  });
  await first.stop();
  const path = join(dataFolder, 'store.db');
  const database = new DatabaseSync(path);
  const key = keys.loadBalancer('many', id);
  const { value } = database.prepare('SELECT value FROM kv WHERE key = ?').get(key) as {
    value: string;
  };
  const { revision } = database.prepare('SELECT revision FROM head').get() as { revision: number };
  database.close();
  async function* copies() {
    for (let number = 1; number < count; number++) {
      const copy = { ...JSON.parse(value), id: `lb-5many${number}`, name: `many ${number}` };
      const at = { revision: revision + 1 };
      yield { ...at, key: keys.loadBalancer('many', copy.id), value: JSON.stringify(copy) };
      const site = JSON.stringify({ v: 1, site: 'many' });
      yield { ...at, key: keys.loadBalancerSite(copy.id), value: site };
    }
  }
  await fillSqlite(path, copies(), revision + 1);
}
