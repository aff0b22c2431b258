import { openBrowser, type Page, signIn } from '../test/support/browser.ts';
import { emptyLoadBalancer } from '../test/support/scene.ts';
import { rootKey, startSluice } from '../test/support/sluice.ts';
import type { Figure } from './figure.ts';
import { median } from './rounds.ts';

const rounds = 5;

/** From an address typed in to a list that answers, in a browser that has nothing of it yet. */
export async function benchConsole(): Promise<Figure[]> {
  const sluice = await startSluice({ mode: 'control-plane', flags: [] });
  const browser = await openBrowser();
  const times: number[] = [];
  try {
    const EnsRegionId = 'local';
    await sluice.client.call('Sluice', 'RegisterSite', {
      EnsRegionId,
      AddressPool: '127.0.0.0/24',
    });
    await emptyLoadBalancer(sluice.client);
    for (let i = 0; i < rounds; i++) {
      await browser.visit(sluice.endpoint, async (page) => {
        await signIn(page, rootKey);
        times.push(await loadSeconds(page));
      });
    }
  } finally {
    await browser.close();
    await sluice.stop();
  }
  return [
    {
      name: 'the console from its address to its first list, s',
      value: median(times),
      aim: '<= 1',
      from: `${times.map((time) => time.toFixed(2)).join(', ')} s, nothing cached`,
    },
  ];
}

async function loadSeconds(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.setCacheDisabled', { cacheDisabled: true });
  const begun = performance.now();
  await page.goto('/console/');
  await page.getByRole('table').getByRole('link').first().waitFor();
  return (performance.now() - begun) / 1_000;
}
