import { readFileSync } from 'node:fs';
import { marked } from 'marked';
import { h, type Page } from './frame.ts';

/** Files that are pages, by the name of their page. */
export const markdownPages = {
  compatibility: 'docs/compatibility.md',
  operate: 'docs/operate.md',
  'threat-model': 'docs/threat-model.md',
  releases: 'CHANGELOG.md',
} as const;

const root = new URL('../../../', import.meta.url);

/** Where a link of the files leads among the pages; other files of the project have no page. */
const pageOf = new Map(
  Object.entries(markdownPages).map(([page, file]) => [file.split('/').at(-1), `/docs/${page}`]),
);

/**
 * One of the project's own files as a page. Its HTML is trusted: it comes with Sluice, and no
 * caller has a part in it.
 */
export function markdownPage(page: keyof typeof markdownPages): Page {
  const text = readFileSync(new URL(markdownPages[page], root), 'utf8');
  const [, title = page, body = ''] = /^# (.*)\n([\s\S]*)$/.exec(text) ?? [];
  return { title, content: h('div', { dangerouslySetInnerHTML: { __html: toHtml(body) } }) };
}

function toHtml(text: string): string {
  const html = marked.parse(text, { async: false, gfm: true });
  return html
    .replaceAll('<table>', '<div class="scroll" tabindex="0"><table>')
    .replaceAll('</table>', '</table></div>')
    .replaceAll('<pre>', '<pre tabindex="0">')
    .replaceAll(/<h([23])>(.*?)<\/h\1>/g, (_whole, level, inner) => {
      return `<h${level} id="${slug(inner)}">${inner}</h${level}>`;
    })
    .replaceAll(/<a href="(?!https?:|#|\/)([^"#]*)(#[^"]*)?">(.*?)<\/a>/g, relink);
}

function relink(_whole: string, file: string, fragment = '', inner = ''): string {
  const page = pageOf.get(file.split('/').at(-1) ?? '');
  return page === undefined ? inner : `<a href="${page}${fragment}">${inner}</a>`;
}

/** As the forges make them of headings. */
function slug(heading: string): string {
  return heading
    .replaceAll(/<[^>]*>|&[a-z0-9#]+;/gi, '')
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .trim()
    .replaceAll(' ', '-');
}
