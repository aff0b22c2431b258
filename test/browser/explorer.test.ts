import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { strFromU8, unzipSync } from 'fflate';
import type { AccessKeyPair } from '../../src/access-key-pair.ts';
import { actions } from '../../src/api/actions/index.ts';
import { type Browser, lookAt, openBrowser, type Page, signIn } from '../support/browser.ts';
import { rootKey, type Sluice, startSluice } from '../support/sluice.ts';
import { until } from '../support/wait.ts';

/** Calls made in the Explorer, as a person makes them. */

let sluice: Sluice;
let browser: Browser;
/** A load balancer with a server. */
let id = '';
const server = 'i-explored';

before(async () => {
  [sluice, browser] = await Promise.all([
    // One account makes more calls a second here than is documented.
    startSluice({ mode: 'control-plane', flags: ['--throttle', 'off'] }),
    openBrowser(),
  ]);
  await ask('Sluice', 'RegisterSite', { EnsRegionId: 'local', AddressPool: '127.9.0.0/24' });
  const network = await ask('Ens', 'DescribeNetworks', { EnsRegionId: 'local' });
  const { NetworkId, VSwitchIds } = network.Networks.Network[0];
  const made = await ask('Ens', 'CreateLoadBalancer', {
    EnsRegionId: 'local',
    LoadBalancerSpec: 'elb.s1.small',
    NetworkId,
    VSwitchId: VSwitchIds.VSwitchId[0],
    PayType: 'PostPaid',
  });
  id = made.LoadBalancerId;
  await ask('Sluice', 'RegisterInstance', {
    EnsRegionId: 'local',
    PrivateIpAddress: '127.9.1.1',
    InstanceId: server,
  });
  await ask('Ens', 'AddBackendServers', {
    LoadBalancerId: id,
    BackendServers: [{ ServerId: server, Port: 80 }],
  });
});
after(async () => {
  await browser?.close();
  await sluice?.stop();
});

// biome-ignore lint/suspicious/noExplicitAny: answers of many shapes, read member by member.
type Body = any;

async function ask(product: 'Ens' | 'Ram' | 'Sluice', action: string, parameters: object) {
  return (await sluice.client.call(product, action, { ...parameters })).body as Body;
}

async function attached(): Promise<number> {
  const body = await ask('Ens', 'DescribeLoadBalancerAttribute', { LoadBalancerId: id });
  return body.BackendServers.length;
}

/** A story on the form of an action, signed in. */
const explore = (
  place: string,
  story: (page: Page) => Promise<void>,
  key: AccessKeyPair = rootKey,
) =>
  browser.visit(sluice.endpoint, async (page) => {
    await signIn(page, key, `/console/explorer/${place}`);
    await story(page);
  });

const tryIt = (page: Page) => page.getByRole('button', { name: 'Try it' });
const answer = (page: Page) => page.getByRole('region', { name: 'Body' }).locator('pre');
const field = (page: Page, name: string) => page.getByRole('textbox', { name, exact: true });
/** Those with a list of values are what ARIA calls combo boxes. */
const offered = (page: Page, name: string) => page.getByRole('combobox', { name, exact: true });
const search = (page: Page) => new URL(page.url()).searchParams;

describe('a call', () => {
  test('is made and answered, with all that is to know about it', () =>
    explore('Ens/DescribeLoadBalancers', async (page) => {
      await tryIt(page).waitFor();
      await lookAt(page, 'explorer-form');
      await tryIt(page).click();
      await answer(page).waitFor();
      assert.match(
        (await answer(page).textContent()) ?? '',
        new RegExp(`"LoadBalancerId": "${id}"`),
      );
      await page.getByText('200', { exact: true }).waitFor();
      await page.getByText(/RequestId [0-9A-F-]{36}/).waitFor();
      await lookAt(page, 'explorer-answer');
      await page.getByRole('button', { name: 'Raw' }).click();
      assert.match((await answer(page).textContent()) ?? '', /^\{"RequestId":"/);
      await page.getByText('All headers of the answer').click();
      await page.getByRole('row', { name: /^content-type/ }).waitFor();
    }));

  test('may be answered in XML', () =>
    explore('Ens/DescribeLoadBalancers?Format=XML', async (page) => {
      await tryIt(page).click();
      await answer(page).waitFor();
      const text = (await answer(page).textContent()) ?? '';
      assert.match(text, /<DescribeLoadBalancersResponse>\n {2}<RequestId>/);
      assert.match(text, new RegExp(`<LoadBalancerId>${id}</LoadBalancerId>`));
    }));

  test('with wrong values is held back, said at each, and sent anyway on demand', () =>
    explore('Ens/RemoveBackendServers', async (page) => {
      await offered(page, 'LoadBalancerId').fill('lb 1');
      await tryIt(page).click();
      await page.getByText('made of letters, digits and - only').waitFor();
      await page.getByText('Required: at least one entry.').waitFor();
      const id = offered(page, 'LoadBalancerId');
      assert.equal(await id.getAttribute('aria-invalid'), 'true');
      const described = (await id.getAttribute('aria-describedby')) ?? '';
      assert.match(described, /-problem/);
      const focused = await page.evaluate<string>('document.activeElement.id');
      assert.equal(focused, await id.getAttribute('id'));
      await lookAt(page, 'explorer-problems');
      await page.getByRole('button', { name: 'Send anyway' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'RemoveBackend' }).click();
      await page.getByText('MissingBackendServers', { exact: true }).waitFor();
      await lookAt(page, 'explorer-error');
    }));

  test('that the API refuses leads to the row of the error centre', () =>
    explore('Ens/DescribeLoadBalancerAttribute?LoadBalancerId=lb-none', async (page) => {
      await tryIt(page).click();
      await page.getByText('LoadBalancerNotFound', { exact: true }).waitFor();
      const link = page.getByRole('link', { name: 'What it means and what to do' });
      assert.match((await link.getAttribute('href')) ?? '', /LoadBalancerNotFound/);
    }));

  test('that RAM denies says who may not do what, and explains it', async () => {
    const UserName = 'explorer-guest';
    await ask('Ram', 'CreateUser', { UserName });
    const { AccessKey } = await ask('Ram', 'CreateAccessKey', { UserName });
    const key = {
      accessKeyId: AccessKey.AccessKeyId,
      accessKeySecret: AccessKey.AccessKeySecret,
    };
    await explore(
      'Ens/DescribeLoadBalancers',
      async (page) => {
        await tryIt(page).click();
        const box = page.getByRole('region', { name: 'Why it was denied' });
        await box
          .getByText(/may not call ens:DescribeLoadBalancers: no policy allows it/)
          .waitFor();
        await box.getByRole('button', { name: 'Explain' }).click();
        // The guest may not ask for the diagnosis either, and is told so.
        await box
          .getByText('ram:DecodeDiagnosticMessage')
          .or(box.getByRole('alert'))
          .first()
          .waitFor();
        await lookAt(page, 'explorer-denied');
      },
      key,
    );
    await ask('Ram', 'AttachPolicyToUser', {
      PolicyType: 'System',
      PolicyName: 'AliyunRAMFullAccess',
      UserName,
    });
    await explore(
      'Ens/DescribeLoadBalancers',
      async (page) => {
        await tryIt(page).click();
        await page.getByRole('button', { name: 'Explain' }).click();
        await page.getByText('None: an administrator has to attach one.').waitFor();
      },
      key,
    );
  });

  test('of a streamed action shows lines as they come, until it is stopped', () =>
    explore('Sluice/WatchSite?EnsRegionId=local', async (page) => {
      await tryIt(page).click();
      await page.getByRole('region', { name: 'Lines' }).waitFor();
      await page.getByRole('button', { name: 'Stop' }).click();
      await page.getByText('200', { exact: true }).waitFor();
      assert.ok(await tryIt(page).isEnabled());
    }));
});

describe('a call that takes something away', () => {
  const address = () => {
    const servers = encodeURIComponent(JSON.stringify([{ ServerId: server }]));
    return `Ens/RemoveBackendServers?LoadBalancerId=${id}&BackendServers=${servers}`;
  };

  test('is not asked about as a dry run, and that changes nothing', () =>
    explore(`${address()}&x-sluice-dry-run=true`, async (page) => {
      await tryIt(page).click();
      await page.getByText('Dry run: nothing was changed').waitFor();
      await page.getByText('200', { exact: true }).waitFor();
      assert.equal(await attached(), 1);
    }));

  test('is asked about again, and made only then', () =>
    explore(address(), async (page) => {
      const dialog = page.getByRole('dialog');
      await tryIt(page).click();
      await dialog.waitFor();
      await lookAt(page, 'explorer-asked-again');
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      assert.equal(await attached(), 1);
      await tryIt(page).click();
      await dialog.getByRole('button', { name: 'Dry run instead' }).click();
      await page.getByText('Dry run: nothing was changed').waitFor();
      assert.equal(await attached(), 1);
      await page.getByRole('checkbox', { name: 'Dry run' }).uncheck();
      await tryIt(page).click();
      await dialog.getByRole('button', { name: 'RemoveBackendServers' }).click();
      await page.getByText('200', { exact: true }).waitFor();
      assert.equal(await attached(), 0);
    }));
});

describe('the address', () => {
  test('follows the form, and opens it as it was', () =>
    explore('Ens/AddBackendServers', async (page) => {
      await offered(page, 'LoadBalancerId').fill(id);
      await offered(page, 'ServerId').fill(server);
      await page.getByRole('button', { name: 'Add BackendServers' }).click();
      await offered(page, 'ServerId').last().fill('i-2');
      const servers = [{ ServerId: server }, { ServerId: 'i-2' }];
      await until(() => search(page).get('BackendServers') === JSON.stringify(servers), {
        what: 'the address',
      });
      await page.reload();
      await tryIt(page).waitFor();
      assert.equal(await offered(page, 'LoadBalancerId').inputValue(), id);
      assert.equal(await offered(page, 'ServerId').last().inputValue(), 'i-2');
      await page.getByRole('button', { name: 'Remove BackendServers 1' }).click();
      await until(() => search(page).get('BackendServers') === JSON.stringify(servers.slice(1)), {
        what: 'the address',
      });
    }));

  test('never holds a private key, and says so', () =>
    explore('Cas/UploadUserCertificate', async (page) => {
      await field(page, 'Name').fill('mine');
      await field(page, 'Key').fill('a private key');
      await page.getByText('The address does not hold Key.').waitFor();
      await until(() => search(page).get('Name') === 'mine', { what: 'the address' });
      assert.ok(!page.url().includes('private'));
    }));

  test('has the form as JSON too, where that is pasted', () =>
    explore('Ens/RemoveBackendServers', async (page) => {
      await page.getByRole('button', { name: 'All as JSON' }).click();
      const text = field(page, 'Parameters as JSON');
      await text.fill('{"LoadBalancerId":');
      await tryIt(page).click();
      await page.getByText('This is no JSON of an object.').waitFor();
      await text.fill(`{"LoadBalancerId":"${id}","BackendServers":[{"ServerId":"i-1"}]}`);
      await page.getByRole('button', { name: 'All as JSON' }).click();
      assert.equal(await offered(page, 'ServerId').inputValue(), 'i-1');
      await until(() => search(page).get('LoadBalancerId') === id, { what: 'the address' });
    }));
});

describe('the code', () => {
  const code = (page: Page) => page.getByRole('tabpanel', { name: 'Python' }).locator('pre');

  test('is offered after a call that worked, and follows the form', () =>
    explore('Ens/DescribeLoadBalancers', async (page) => {
      await tryIt(page).click();
      await page.getByRole('button', { name: 'Use this in your code' }).click();
      await page.getByRole('tab', { name: 'Python' }).click();
      await field(page, 'LoadBalancerName').fill("it's {mine}");
      await code(page).first().getByText("it\\'s {mine}").waitFor();
      await lookAt(page, 'explorer-code');
      for (const language of ['TypeScript', 'Go', 'Java', 'PHP', 'C#', 'Sluice CLI']) {
        await page.getByRole('tab', { name: language }).click();
        await page.getByRole('tabpanel', { name: language }).getByText('{mine}').waitFor();
      }
    }));

  test('is saved as a project that runs as it is, though no page may frame or fetch a blob', () =>
    explore('Ens/DescribeLoadBalancers?LoadBalancerName=mine', async (page) => {
      await page.getByRole('tab', { name: 'Python' }).click();
      const saved = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Download project' }).click();
      const download = await saved;
      assert.equal(download.suggestedFilename(), 'DescribeLoadBalancers-python.zip');
      const files = unzipSync(await readFile(await download.path()));
      const names = Object.keys(files).map((name) => name.split('/').slice(1).join('/'));
      assert.ok(names.includes('README.md') && names.includes('requirements.txt'), names.join());
      const source = Object.entries(files).find(([name]) => name.endsWith('.py'));
      assert.match(strFromU8(source?.[1] ?? new Uint8Array()), /load_balancer_name='mine'/);
    }));
});

test('what was called is listed, and opens again', () =>
  explore('Ens/DescribeLoadBalancers?LoadBalancerName=first', async (page) => {
    await tryIt(page).click();
    await answer(page).waitFor();
    await field(page, 'LoadBalancerName').fill('second');
    await page.getByRole('tab', { name: 'History' }).click();
    await lookAt(page, 'explorer-history');
    await page.getByRole('link', { name: /^DescribeLoadBalancers OK/ }).click();
    await until(async () => (await field(page, 'LoadBalancerName').inputValue()) === 'first', {
      what: 'the form',
    });
  }));

test('an action is found, called and read by the keyboard alone', () =>
  explore('', async (page) => {
    const box = page.getByRole('searchbox', { name: 'Search actions' });
    await box.waitFor();
    await lookAt(page, 'explorer-start');
    await box.focus();
    await page.keyboard.type('describe sites');
    await page.getByRole('link', { name: 'DescribeSites' }).waitFor();
    const link = page.locator('a:focus', { hasText: 'DescribeSites' });
    while (!(await link.isVisible())) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await tryIt(page).waitFor();
    await field(page, 'PageSize').focus();
    await page.keyboard.type('10');
    await page.keyboard.press('Enter');
    await answer(page).waitFor();
    assert.match((await answer(page).textContent()) ?? '', /"EnsRegionId": "local"/);
  }));

test('a phone shows the list or the form', () =>
  browser.visit(
    sluice.endpoint,
    async (page) => {
      await signIn(page, rootKey, '/console/explorer/Ens/DescribeLoadBalancers');
      await tryIt(page).waitFor();
      await page.getByRole('button', { name: 'All actions' }).click();
      await page.getByRole('searchbox', { name: 'Search actions' }).fill('drains');
      await page.getByRole('link', { name: 'DescribeDrains' }).click();
      await page.getByRole('heading', { name: 'DescribeDrains' }).waitFor();
      await field(page, 'LoadBalancerId').or(offered(page, 'LoadBalancerId')).fill(id);
      await tryIt(page).click();
      await page.getByText('200', { exact: true }).waitFor();
      const top = await answer(page).evaluate((pre) => pre.getBoundingClientRect().top);
      assert.ok(top < 800, 'the answer is in sight');
    },
    { width: 390 },
  ));

test('every action has a form, which takes its example', () =>
  explore('', async (page) => {
    for (const { product, name, input } of actions) {
      await page.getByRole('searchbox', { name: 'Search actions' }).fill(`${product} ${name}`);
      await page.getByRole('link', { name, exact: true }).click();
      await page.getByRole('heading', { name, exact: true }).waitFor();
      if (Object.keys(input.shape).length === 0) continue;
      await page.getByRole('button', { name: 'Fill with example' }).click();
      await page.locator('.call-form :is(input, textarea, select)').first().waitFor();
    }
  }));
