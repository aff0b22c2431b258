import type { ActionDescription } from '../describe.ts';
import { actionPage } from './action-page.ts';
import { errorIndex, errorPage } from './error-page.ts';
import { actionPath, type Page, printPage } from './frame.ts';
import { indexPage } from './index-page.ts';
import { markdownPage, markdownPages } from './markdown-page.ts';
import { missingPage, searchPage } from './other-pages.ts';
import { ramPage } from './ram-page.ts';

const errorPrefix = '/docs/errors/';

/** The pages of the reference, as HTML. */
export interface Pages {
  /** The paths of all pages, those of single errors aside. */
  readonly paths: readonly string[];
  /** @returns undefined where there is no such page */
  at(path: string): string | undefined;
  /** What a search finds: it is the page of the path that holds the form. */
  search(path: string, words: string): string;
  /** Says that there is no such page. */
  missing(path: string): string;
}

export function createPages(actions: readonly ActionDescription[]): Pages {
  const makers = new Map<string, () => Page>([
    ['/docs/', () => indexPage(actions)],
    ['/docs/errors', () => errorIndex(actions)],
    ['/docs/ram', () => ramPage(actions)],
    ...(Object.keys(markdownPages) as (keyof typeof markdownPages)[]).map(
      (name): [string, () => Page] => [`/docs/${name}`, () => markdownPage(name)],
    ),
    ...actions.map((action): [string, () => Page] => [
      actionPath(action),
      () => actionPage(action),
    ]),
  ]);
  return {
    paths: [...makers.keys()],
    at: (path) => {
      const page = path.startsWith(errorPrefix)
        ? errorPage(decoded(path.slice(errorPrefix.length)), actions)
        : makers.get(path)?.();
      return page === undefined ? undefined : printPage(page, path);
    },
    search: (path, words) => printPage(searchPage(path, words, actions), path),
    missing: (path) => printPage(missingPage(decoded(path)), path),
  };
}

/** A part of an address as text; what is no text stays as it came. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
