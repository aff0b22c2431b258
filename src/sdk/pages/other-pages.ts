import { errorTable, isErrorCode, printed } from '../../api/errors.ts';
import type { ActionDescription } from '../describe.ts';
import { search } from './error-page.ts';
import { actionPath, code, errorLink, h, type Page, table } from './frame.ts';

/** What the words of a search are in: error codes on the page of errors, else actions. */
export function searchPage(
  path: string,
  words: string,
  actions: readonly ActionDescription[],
): Page {
  const wanted = words.toLowerCase().split(/\s+/);
  const has = (...texts: readonly string[]) => {
    const whole = texts.join(' ').toLowerCase();
    return wanted.every((word) => whole.includes(word));
  };
  const rows =
    path === '/docs/errors'
      ? Object.keys(errorTable)
          .filter(isErrorCode)
          .filter((name) => has(name, printed(name), errorTable[name].when))
          .map((name) => [errorLink(name), printed(name)])
      : actions
          .filter(({ name, product, summary }) => has(name, product, summary))
          .map((action) => [h('a', { href: actionPath(action) }, action.name), action.summary]);
  const found = rows.length === 0 ? 'Nothing' : `${rows.length}`;
  return {
    title: 'Search',
    content: [
      search('Search again'),
      h('p', null, `${found} found for “${words}”. `, h('a', { href: path }, 'Show all')),
      rows.length === 0 ? null : table('Found', ['Name', 'What it is'], rows),
    ],
  };
}

/** For an address that has no page. */
export function missingPage(path: string): Page {
  return {
    title: 'No such page',
    content: [
      h('p', null, 'There is nothing at ', code(path), '.'),
      h(
        'p',
        null,
        'See ',
        h('a', { href: '/docs/' }, 'all actions'),
        ' or ',
        h('a', { href: '/docs/errors' }, 'all error codes'),
        '.',
      ),
    ],
  };
}
