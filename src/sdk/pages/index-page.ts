import type { ActionDescription } from '../describe.ts';
import { search } from './error-page.ts';
import { actionPath, h, type Markup, type Page, section, table } from './frame.ts';

/** Every action by product. */
export function indexPage(actions: readonly ActionDescription[]): Page {
  const products = [...new Set(actions.map(({ product }) => product))];
  return {
    title: 'API reference',
    content: [
      h(
        'p',
        null,
        'Every call is a signed GET or POST of ',
        h('code', null, '/'),
        '; Action and Version say which. Official SDKs, the aliyun CLI and Terraform make them ',
        'when their endpoint is this address. ',
        h('a', { href: '/openapi.json' }, 'openapi.json'),
        ' describes them to tools.',
      ),
      search('Find an action'),
      ...products.map((product) => productSection(product, actions)),
    ],
  };
}

function productSection(product: string, actions: readonly ActionDescription[]): Markup {
  const own = actions
    .filter((action) => action.product === product)
    .sort((a, b) => a.name.localeCompare(b.name));
  const rows = own.map((action) => [
    h('a', { href: actionPath(action) }, action.name),
    action.access,
    action.summary,
  ]);
  return section(
    product,
    `${product} ${own[0]?.version ?? ''}`,
    table(`Actions of ${product}`, ['Action', 'Access', 'What it does'], rows),
  );
}
