import assert from 'node:assert/strict';
import { describe as group, test } from 'node:test';
import { actions } from '../../api/actions/index.ts';
import { errorTable } from '../../api/errors.ts';
import { describe } from '../describe.ts';
import { errorPath } from './frame.ts';
import { createPages } from './pages.ts';

const described = actions.map(describe);
const pages = createPages(described);

/** What links of a page name, less what is no page of the reference. */
function linksIn(html: string): string[] {
  const all = [...html.matchAll(/<a [^>]*href="([^"]*)"/g)].map(([, href = '']) => href);
  return all.filter((href) => !/^(https?:|\/console\/|\/openapi\.json)/.test(href));
}

const sections = [
  'description',
  'try',
  'ram',
  'parameters',
  'response',
  'examples',
  'errors',
] as const;

group('reference pages', () => {
  test('every action has a page with all sections', () => {
    for (const { product, name, summary } of described) {
      const html = pages.at(`/docs/${product}/${name}`) ?? '';
      assert.ok(html.includes(`<h1>${name}</h1>`), name);
      assert.ok(summary !== '' && html.includes('class="lead"'), name);
      const missing = sections.filter((id) => !html.includes(`<h2 id="${id}">`));
      assert.deepEqual(missing, [], name);
    }
  });

  test('every link leads to a page, and every fragment to a place in it', () => {
    const dead = pages.paths.flatMap((path) =>
      linksIn(pages.at(path) ?? '')
        .filter((href) => !leads(href, path))
        .map((href) => `${path}: ${href}`),
    );
    assert.deepEqual(dead, []);
  });

  test('an id stands once on a page', () => {
    for (const path of pages.paths) {
      const ids = [...(pages.at(path) ?? '').matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
      assert.deepEqual([...new Set(ids)], ids, path);
    }
  });

  test('every code that an action lists has a row and a page with advice in two languages', () => {
    const index = pages.at('/docs/errors') ?? '';
    for (const code of Object.keys(errorTable)) {
      assert.ok(index.includes(` id="${code}"`), code);
      const own = pages.at(errorPath(code)) ?? '';
      assert.ok(own.includes(`<h1>${code}</h1>`) && own.includes('lang="zh-CN"'), code);
    }
  });
});

group('pages of error codes', () => {
  test('a code as callers see it leads to the row that it was made from', () => {
    const expected = {
      MissingLoadBalancerId: 'Missing%s',
      InvalidEnsRegionId: 'Invalid%s',
      'InvalidParameter.Ip': 'InvalidParameter.%s',
      'InvalidParameter.UserName.Length': 'InvalidParameter.%s.Length',
      NoPermission: 'Forbidden.NoPermission',
    };
    for (const [seen, row] of Object.entries(expected)) {
      assert.ok(pages.at(errorPath(seen))?.includes(`id="raised-${row}"`), seen);
    }
  });

  test('a page shows the text as it is on the wire', () => {
    const texts = {
      MissingLoadBalancerId: 'You must specify the parameter LoadBalancerId.',
      'InvalidParameter.Ip': 'The specified field Ip invalid. Please check it again.',
      LoadBalancerNotFound: 'The input parameter LoadBalancerId that is not found.',
      ListenerNotFound: 'The input parameter listener that is not found. ListenerNotFound',
    };
    for (const [seen, text] of Object.entries(texts)) {
      assert.ok(pages.at(errorPath(seen))?.includes(`<dd>${text}</dd>`), seen);
    }
    for (const path of [...pages.paths, ...Object.keys(errorTable).map(errorPath)]) {
      assert.doesNotMatch(pages.at(path) ?? '', /(parameter|field|is:) ?%s/, path);
    }
  });

  test('a code that is none, or no text at all, has no page', () => {
    for (const path of ['Nope', '..%2f..%2fpackage.json', '%ff', '<b>', 'constructor', '']) {
      assert.equal(pages.at(`/docs/errors/${path}`), undefined, path);
    }
    assert.ok(pages.missing('/docs/errors/%3Cscript%3E').includes('&lt;script>'));
  });
});

group('what is printed', () => {
  test('texts of actions come out as texts, whatever is in them', () => {
    const hostile = `"><script>alert(1)</script>&amp;'`;
    const [first] = described;
    assert.ok(first);
    const parameters = {
      type: 'object',
      properties: { [hostile]: { type: 'string', description: hostile, examples: [hostile] } },
    };
    const action = { ...first, summary: hostile, description: hostile, parameters };
    const html = createPages([action]).at(`/docs/${first.product}/${first.name}`) ?? '';
    assert.ok(!html.includes('<script>alert'));
    assert.ok(html.includes('&lt;script>alert(1)&lt;/script>&amp;amp;'));
  });

  test('no page holds script or style of its own', () => {
    for (const path of pages.paths) {
      assert.doesNotMatch(pages.at(path) ?? '', /<style|<script>| style="| on\w+="/, path);
    }
  });

  test('a search finds actions and codes without the help of scripts', () => {
    assert.ok(pages.search('/docs/', 'remove backend').includes('/docs/Ens/RemoveBackendServers'));
    assert.ok(pages.search('/docs/errors', 'throttling').includes('Throttling.User'));
    assert.ok(pages.search('/docs/', '<i>').includes('Nothing found for “&lt;i>”'));
  });
});

function leads(href: string, from: string): boolean {
  const [path = '', fragment = ''] = href.split('#');
  const html = pages.at(path === '' ? from : path);
  if (html === undefined) return false;
  return fragment === '' || html.includes(` id="${decodeURIComponent(fragment)}"`);
}
