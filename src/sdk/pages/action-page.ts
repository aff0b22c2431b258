import type { ComponentChildren } from 'preact';
import { print } from '../../api/answer.ts';
import { type ErrorRow, errorTable, isErrorCode, printed } from '../../api/errors.ts';
import type { ActionDescription } from '../describe.ts';
import { type Field, fieldsOf, samplesOf } from '../fields.ts';
import { block, code, errorPath, h, type Markup, type Page, section, table } from './frame.ts';

const requestId = '473469C7-AA6F-4DC5-B3DB-A3DC0DE3C83E';

/** The reference page of one action, with the sections that the ENS documentation has. */
export function actionPage(action: ActionDescription): Page {
  const parameters = fieldsOf(action.parameters);
  const answer = fieldsOf(action.answer);
  return {
    title: action.name,
    content: [
      h('p', { class: 'lead' }, action.summary),
      h('p', { class: 'hint' }, `${action.product} ${action.version}`),
      section('description', 'Description', ...description(action)),
      section('try', 'Try it now', tryIt(action)),
      section('ram', 'RAM authorization', authorization(action)),
      section('parameters', 'Request parameters', parameterTable(parameters)),
      section('response', 'Response elements', answerTable(action, answer)),
      section('examples', 'Examples', ...examples(action, parameters, answer)),
      section('errors', 'Error codes', errorCodes(action)),
    ],
  };
}

function description({ description: text, limits }: ActionDescription): ComponentChildren[] {
  return [
    text === '' ? null : h('p', null, text),
    h(
      'ul',
      null,
      h('li', null, `Rate limit: ${limits.perApi} requests per second.`),
      h('li', null, `Up to ${limits.perAccount} times per second per account.`),
    ),
  ];
}

function tryIt({ product, name }: ActionDescription): Markup {
  return h(
    'p',
    null,
    h('a', { class: 'button', href: `/console/explorer/${product}/${name}` }, 'Open the Explorer'),
    ' It signs the call for you, and shows the SDK code that makes the same one.',
  );
}

function authorization({ ramName, access, resources }: ActionDescription): Markup {
  const isAll = resources[0] === '*';
  const shown = isAll
    ? ['All resources: ', code('*')]
    : resources.map((each) => h('div', null, code(each)));
  return table(
    'RAM authorization',
    ['Action', 'Access level', 'Resource type', 'Condition key', 'Dependent action'],
    [
      [
        code(ramName),
        access,
        shown,
        h('a', { href: '/docs/ram#conditions' }, 'common ones'),
        'None',
      ],
    ],
  );
}

function parameterTable(fields: readonly Field[]): Markup {
  if (fields.length === 0) return h('p', null, 'None.');
  const rows = flat(fields, 0).map(({ field, depth }) => [
    named(field, depth),
    typeOf(field),
    field.required ? 'Yes' : 'No',
    told(field),
    shownExample(field),
  ]);
  return table(
    'Request parameters',
    ['Parameter', 'Type', 'Required', 'Description', 'Example'],
    rows,
  );
}

function answerTable({ streams }: ActionDescription, fields: readonly Field[]): Markup {
  if (streams) {
    return h('p', null, 'A stream of JSON lines (application/x-ndjson) until the caller leaves.');
  }
  const request: Field = {
    name: 'RequestId',
    type: 'text',
    required: true,
    text: 'The ID of the request.',
    example: requestId,
  };
  const rows = flat([request, ...fields], 0).map(({ field, depth }) => [
    named(field, depth),
    typeOf(field),
    told(field),
    shownExample(field),
  ]);
  return table('Response elements', ['Element', 'Type', 'Description', 'Example'], rows);
}

interface Placed {
  readonly field: Field;
  readonly depth: number;
}

function flat(fields: readonly Field[], depth: number): Placed[] {
  return fields.flatMap((field) => [{ field, depth }, ...flat(field.members ?? [], depth + 1)]);
}

/** How deep the style sheet indents. */
const deepest = 5;

function named({ name }: Field, depth: number): Markup {
  return h('span', { class: `depth-${Math.min(depth, deepest)}` }, code(name));
}

function typeOf({ type, members }: Field): string {
  const word = type === 'text' ? 'string' : type;
  return word === 'list' ? `array<${members === undefined ? 'string' : 'object'}>` : word;
}

function told(field: Field): ComponentChildren {
  return [
    field.text,
    field.choices === undefined ? '' : ` Valid values: ${field.choices.join(', ')}.`,
    field.range === undefined ? '' : ` From ${field.range}.`,
    field.fallback === undefined ? '' : ` Default: ${field.fallback}.`,
  ].join('');
}

function shownExample({ example, members }: Field): ComponentChildren {
  if (members !== undefined || example === undefined || example === '') return '';
  return code(typeof example === 'string' ? example : JSON.stringify(example));
}

function examples(
  { name, version, streams }: ActionDescription,
  parameters: readonly Field[],
  fields: readonly Field[],
): ComponentChildren[] {
  const asked = Object.entries(samplesOf(parameters, ({ required }) => required)).map(
    ([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)],
  );
  const query = new URLSearchParams([['Action', name], ['Version', version], ...asked] as [
    string,
    string,
  ][]);
  const request = [
    h('h3', null, 'Request'),
    block(`POST /?${query.toString().replaceAll('&', '\n  &')}\n  &<common parameters> HTTP/1.1`),
  ];
  if (streams) return request;
  const body = { RequestId: requestId, ...samplesOf(fields) };
  return [
    ...request,
    h('h3', null, 'Success response'),
    h('h4', null, 'JSON format'),
    block(JSON.stringify(body, null, 2)),
    h('h4', null, 'XML format'),
    block(print('XML', `${name}Response`, body)),
  ];
}

function errorCodes({ errors }: ActionDescription): Markup[] {
  const rows = errors.filter(isErrorCode).map((name) => {
    const { status, code: wire = name, when }: ErrorRow = errorTable[name];
    return [String(status), h('a', { href: errorPath(name) }, code(wire)), printed(name), when];
  });
  return [
    table('Error codes', ['HTTP status code', 'Error code', 'Error message', 'Description'], rows),
    h(
      'p',
      null,
      'Any call may also be refused for its signature or its rate: see ',
      h('a', { href: '/docs/errors' }, 'all error codes'),
      '. What changes between versions: ',
      h('a', { href: '/docs/releases' }, 'release notes'),
      '.',
    ),
  ];
}
