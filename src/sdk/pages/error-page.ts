import type { ComponentChildren } from 'preact';
import { type ErrorRow, errorTable, isErrorCode, printed } from '../../api/errors.ts';
import type { ActionDescription } from '../describe.ts';
import { adviceOn } from './advice.ts';
import { actionPath, code, errorLink, h, type Markup, type Page, section, table } from './frame.ts';

/** Every code with its text, when it is raised, and what to do. */
export function errorIndex(actions: readonly ActionDescription[]): Page {
  const rows = Object.keys(errorTable)
    .filter(isErrorCode)
    .map((name) => {
      const { status, when }: ErrorRow = errorTable[name];
      const link = h('span', { id: name }, errorLink(name));
      return [link, String(status), printed(name), when, isRetried(name) ? 'Yes' : 'No'];
    });
  return {
    title: 'Error codes',
    content: [
      h(
        'p',
        null,
        '%s stands for the parameter that the error is about: Missing%s is seen as ',
        code('MissingLoadBalancerId'),
        '. Each code has a page with what to do about it. ',
        `${rows.length} codes, raised by ${actions.length} actions and the door before them.`,
      ),
      search('Find a code'),
      table('Error codes', ['Code', 'HTTP', 'Message', 'When', 'Retry'], rows),
    ],
  };
}

/** A search that the server answers without JavaScript, and the page itself with it. */
export function search(label: string): Markup {
  return h(
    'form',
    { class: 'search', role: 'search', method: 'get' },
    h('label', null, label, h('input', { type: 'search', name: 'q', autocomplete: 'off' })),
    h('button', { type: 'submit' }, 'Search'),
    h('p', { class: 'hint', role: 'status', 'aria-live': 'polite' }),
  );
}

/** Whether the same call may well succeed a little later. */
function isRetried(name: keyof typeof errorTable): boolean {
  const { retry }: ErrorRow = errorTable[name];
  return retry === true;
}

/**
 * The page of one code, as the wire has it or as the table does.
 * @returns undefined for a code that Sluice does not raise
 */
export function errorPage(seen: string, actions: readonly ActionDescription[]): Page | undefined {
  const rows = rowsOf(seen);
  if (rows.length === 0) return undefined;
  return {
    title: seen,
    content: [
      ...rows.map((name) => oneRow(name, subjectOf(name, seen), actions)),
      h('p', null, h('a', { href: '/docs/errors' }, 'All error codes')),
    ],
  };
}

/** The rows of a code: the row itself and others on the wire as it, or the pattern it follows. */
function rowsOf(seen: string): (keyof typeof errorTable)[] {
  const names = Object.keys(errorTable).filter(isErrorCode);
  const exact = names.filter((name) => {
    const { code: wire = name }: ErrorRow = errorTable[name];
    return name === seen || wire === seen;
  });
  if (exact.length > 0) return exact;
  const patterns = names.filter((name) => subjectOf(name, seen) !== undefined);
  // Of `InvalidParameter.Ip`, `InvalidParameter.%s` says more than `Invalid%s`.
  return patterns.sort((a, b) => b.length - a.length).slice(0, 1);
}

/** What `%s` of a row stands for in a code; undefined when the code is not one of the row's. */
function subjectOf(row: string, seen: string): string | undefined {
  const [before = '', after] = row.split('%s');
  if (after === undefined) return undefined;
  const subject = seen.slice(before.length, seen.length - after.length);
  return /^\w+$/.test(subject) && seen === `${before}${subject}${after}` ? subject : undefined;
}

function oneRow(
  name: keyof typeof errorTable,
  subject: string | undefined,
  actions: readonly ActionDescription[],
): Markup {
  const { status, when }: ErrorRow = errorTable[name];
  const { en, zh } = adviceOn(name);
  const raisedBy = actions.filter(({ errors }) => errors.includes(name));
  const facts: [string, ComponentChildren][] = [
    ['HTTP status', String(status)],
    ['Message', printed(name, subject)],
    ['When', when],
    ['What to do', [h('p', null, en), h('p', { lang: 'zh-CN' }, zh)]],
    [
      'Retry',
      isRetried(name)
        ? 'Yes, after a moment, waiting longer each time.'
        : 'No: the same call fails again.',
    ],
  ];
  return h(
    'article',
    { class: 'card' },
    h(
      'dl',
      { class: 'facts' },
      facts.flatMap(([term, text]) => [h('dt', null, term), h('dd', null, text)]),
    ),
    section(
      `raised-${name}`,
      'Raised by',
      raisedBy.length === 0
        ? h('p', null, 'The door, before or around any action.')
        : h(
            'ul',
            { class: 'columns' },
            raisedBy.map((each) => h('li', null, h('a', { href: actionPath(each) }, each.name))),
          ),
    ),
  );
}
