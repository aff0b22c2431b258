import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import axeCore from 'axe-core';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import type { AccessKeyPair } from '../../src/access-key-pair.ts';

export type { Page };

/** How a page is looked at: as wide as a desktop's window, in light, unless said. */
export interface Look {
  readonly width?: number;
  readonly scheme?: 'light' | 'dark';
  /** Further origins that the story may go to. */
  readonly others?: readonly string[];
}

/** A real browser, one for a file of tests. */
export interface Browser {
  /**
   * Runs a story on a page of its own, with no cookies. It fails with the story, and with any page
   * of it that violates the content security policy, throws, writes an error to its console, or
   * asks anything of another origin.
   * @param endpoint what addresses in the story are relative to
   */
  visit(endpoint: string, story: (page: Page) => Promise<void>, look?: Look): Promise<void>;
  close(): Promise<void>;
}

const flags = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--no-proxy-server'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

const desktop = 1_280;
const phone = 390;
const height = 800;

/** Starts Debian's Chromium, which `npm test` installs. */
export async function openBrowser(): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: flags });
  return {
    close: () => browser.close(),
    visit: async (endpoint, story, { width = desktop, scheme = 'light', others = [] } = {}) => {
      const context = await browser.newContext({
        baseURL: endpoint,
        viewport: { width, height },
        colorScheme: scheme,
        reducedMotion: 'reduce',
      });
      const faults = faultsOf(context, [new URL(endpoint).origin, ...others]);
      try {
        await story(await context.newPage());
      } finally {
        await context.close();
      }
      assert.deepEqual(faults, []);
    },
  };
}

function chromiumPath(): string {
  const folders = (process.env.PATH ?? '').split(':');
  const found = folders.map((folder) => join(folder, 'chromium')).find((path) => existsSync(path));
  if (found === undefined) throw new Error('there is no chromium: sh scripts/setup.sh --test');
  return found;
}

/** What goes wrong on any page of a context, as it comes. */
function faultsOf(context: BrowserContext, origins: readonly string[]): string[] {
  const faults: string[] = [];
  context.on('console', (message) => {
    // The browser writes a line for every answer that is an error; stories have some on purpose.
    const isAnswer = message.text().startsWith('Failed to load resource: the server responded');
    if (message.type() === 'error' && !isAnswer) faults.push(`console: ${message.text()}`);
  });
  context.on('weberror', (error) => {
    faults.push(`uncaught: ${error.error().stack ?? error.error().message}`);
  });
  context.on('request', (request) => {
    const { protocol, origin: asked } = new URL(request.url());
    if (protocol.startsWith('http') && !origins.includes(asked))
      faults.push(`left: ${request.url()}`);
  });
  return faults;
}

/** Signs in with a key pair and waits until the console is there. */
export async function signIn(page: Page, key: AccessKeyPair, path = '/console/'): Promise<void> {
  await page.goto(path);
  await page.getByLabel('Access key ID').fill(key.accessKeyId);
  await page.getByLabel('Access key secret').fill(key.accessKeySecret);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}

/** Fails on what axe calls a serious or critical violation. */
export async function axe(page: Page, where: string): Promise<void> {
  // Evaluated, not added as an element, which the content security policy would refuse.
  await page.evaluate(axeCore.source);
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: typeof axeCore }).axe.run({ resultTypes: ['violations'] }),
  );
  const grave = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(' | ')}`);
  assert.deepEqual(grave, [], where);
}

const screenshots = fileURLToPath(new URL('../../.cache/screenshots/', import.meta.url));

/** Keeps what a page looks like, for somebody to look at: `.cache/screenshots/<name>.png`. */
export async function screenshot(page: Page, name: string): Promise<void> {
  await mkdir(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `${name}.png`) });
}

/**
 * Looks at a page as it stands, on a desktop and on a phone, in light and in dark: axe finds
 * nothing grave, and nobody has to scroll sideways. Screenshots are kept by name.
 */
export async function lookAt(page: Page, name: string): Promise<void> {
  for (const width of [desktop, phone]) {
    await page.setViewportSize({ width, height });
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      const where = `${name}-${width}-${scheme}`;
      await screenshot(page, where);
      await axe(page, where);
    }
    const overflow = await page.evaluate<number>(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    );
    assert.ok(overflow <= 0, `${name} at ${width} px scrolls sideways by ${overflow} px`);
  }
  await page.setViewportSize({ width: desktop, height });
  await page.emulateMedia({ colorScheme: 'light' });
}
