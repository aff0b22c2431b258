import { type ComponentChild, type ComponentChildren, h as create } from 'preact';
import { renderToString } from 'preact-render-to-string';

/** A part of a page. Texts in it are escaped when it is printed. */
export type Markup = ComponentChild;

/** An element of a page. */
export function h(
  type: string,
  props: Readonly<Record<string, unknown>> | null,
  ...children: ComponentChildren[]
): Markup {
  return create(type, props, ...children);
}

/** A page of the reference, before it is printed. */
export interface Page {
  readonly title: string;
  readonly content: ComponentChildren;
}

const places = [
  ['/docs/', 'Actions'],
  ['/docs/errors', 'Errors'],
  ['/docs/ram', 'RAM'],
  ['/docs/compatibility', 'Compatibility'],
  ['/docs/operate', 'Operating'],
  ['/docs/threat-model', 'Security'],
  ['/docs/releases', 'Releases'],
] as const;

/** A page as HTML, escaped throughout, in the frame that all share. */
export function printPage({ title, content }: Page, path: string): string {
  const root = [
    h(
      'head',
      null,
      h('meta', { charset: 'utf-8' }),
      h('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
      h('title', null, `${title} - Sluice`),
      h('link', { rel: 'icon', href: '/docs/icon.svg' }),
      h('link', { rel: 'stylesheet', href: '/docs/base.css' }),
      h('link', { rel: 'stylesheet', href: '/docs/docs.css' }),
      h('script', { src: '/docs/docs.js', defer: true }),
    ),
    h(
      'body',
      null,
      h('a', { class: 'skip', href: '#main' }, 'Skip to content'),
      bar(path),
      h('main', { id: 'main', class: 'docs', tabIndex: -1 }, h('h1', null, title), content),
    ),
  ];
  return `<!doctype html>${renderToString(create('html', { lang: 'en' }, ...root))}`;
}

function bar(path: string): Markup {
  const links = places.map(([href, text]) =>
    h('a', { href, 'aria-current': href === path ? 'page' : undefined }, text),
  );
  return h(
    'header',
    { class: 'bar' },
    h(
      'a',
      { class: 'brand', href: '/docs/' },
      h('img', { src: '/docs/icon.svg', alt: '', width: 24, height: 24 }),
      'Sluice docs',
    ),
    h(
      'nav',
      { 'aria-label': 'Main' },
      links,
      h('a', { href: '/openapi.json' }, 'OpenAPI'),
      h('a', { href: '/console/' }, 'Console'),
    ),
  );
}

/** A table that scrolls inside its own box, so that the page never does. */
export function table(
  label: string,
  heads: readonly string[],
  rows: readonly (readonly ComponentChildren[])[],
): Markup {
  const head = heads.map((text) => h('th', { scope: 'col' }, text));
  const body = rows.map((cells) =>
    h(
      'tr',
      null,
      cells.map((cell) => h('td', null, cell)),
    ),
  );
  return h(
    'div',
    { class: 'scroll', tabIndex: 0, role: 'region', 'aria-label': label },
    h('table', null, h('thead', null, h('tr', null, head)), h('tbody', null, body)),
  );
}

/** A part of a page under a heading that addresses can name. */
export function section(id: string, title: string, ...content: ComponentChildren[]): Markup {
  return h('section', { 'aria-labelledby': id }, h('h2', { id }, title), ...content);
}

export function code(text: string): Markup {
  return h('code', null, text);
}

/** A block of code; it may scroll sideways, so the keyboard reaches it. */
export function block(text: string): Markup {
  return h('pre', { tabIndex: 0 }, h('code', null, text));
}

/** The address of an error's own page. */
export function errorPath(name: string): string {
  return `/docs/errors/${encodeURIComponent(name)}`;
}

export function errorLink(name: string): Markup {
  return h('a', { href: errorPath(name) }, h('code', null, name));
}

export function actionPath({ product, name }: { product: string; name: string }): string {
  return `/docs/${product}/${name}`;
}
