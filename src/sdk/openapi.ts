import { type ErrorRow, errorTable, isErrorCode } from '../api/errors.ts';
import type { ActionDescription } from './describe.ts';
import type { Schema } from './fields.ts';

/**
 * OpenAPI 3.1 of all actions. They share the path `/` and are told apart by parameters, which
 * OpenAPI cannot say; so each has a path of its own, `/?Action=X&Version=Y`: what follows the
 * path of the server is sent as it is, and that is a call of the action.
 */
export function openApi(actions: readonly ActionDescription[], version: string): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sluice',
      version,
      description:
        'A self-hosted edge load balancer with the API of Alibaba Cloud ENS. Every call is ' +
        'signed: ACS3-HMAC-SHA256, or V1 in the query. Lists and objects are one JSON text each.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(actions.map(({ product }) => product))].map((name) => ({ name })),
    security: [{ acs3: [] }],
    paths: Object.fromEntries(
      actions.map((action) => [pathOf(action), { post: operation(action) }]),
    ),
    components: {
      securitySchemes: { acs3 },
      schemas: { Error: errorSchema },
      responses: {
        Error: {
          description: 'The call is refused or has failed.',
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
        },
      },
    },
  };
}

const acs3 = {
  type: 'apiKey',
  in: 'header',
  name: 'Authorization',
  description:
    'ACS3-HMAC-SHA256 Credential=…,SignedHeaders=…,Signature=…: over the method, path, query, ' +
    'signed headers and the hash of the body (x-acs-content-sha256), with x-acs-date and ' +
    'x-acs-signature-nonce.',
};

const errorSchema = {
  type: 'object',
  properties: {
    RequestId: { type: 'string' },
    HostId: { type: 'string' },
    Code: { type: 'string', minLength: 1 },
    Message: { type: 'string' },
    Recommend: { type: 'string', description: 'The page of the error.' },
    AccessDeniedDetail: { type: 'object', description: 'Of a denial by RAM: what was missing.' },
  },
  required: ['RequestId', 'HostId', 'Code', 'Message', 'Recommend'],
};

function pathOf({ name, version }: ActionDescription): string {
  return `/?Action=${name}&Version=${version}`;
}

function operation(action: ActionDescription): object {
  const { name, product, summary, description } = action;
  return {
    operationId: `${product}_${name}`,
    tags: [product],
    summary,
    ...(description === '' ? {} : { description }),
    externalDocs: { url: `/docs/${product}/${name}` },
    parameters: parametersOf(action.parameters),
    responses: { '200': success(action), ...failures(action) },
    'x-ram-action': action.ramName,
    'x-ram-resources': action.resources,
    'x-limits': action.limits,
    'x-errors': action.errors,
  };
}

/** Classes of Unicode as the ranges that they are: not every tool's expressions know classes. */
const ranges = [
  ['\\p{Cc}', '\\x00-\\x1f\\x7f-\\x9f'],
  ['\\p{Zl}', '\\u2028'],
  ['\\p{Zp}', '\\u2029'],
] as const;

/** The same schema in expressions that every tool reads. */
function portable(schema: Schema): Schema {
  const { pattern, items, properties } = schema;
  const named = Object.entries(properties ?? {}).map(([name, each]) => [name, portable(each)]);
  return {
    ...schema,
    ...(pattern === undefined ? {} : { pattern: portablePattern(pattern) }),
    ...(items === undefined ? {} : { items: portable(items) }),
    ...(properties === undefined ? {} : { properties: Object.fromEntries(named) }),
  };
}

function portablePattern(pattern: string): string {
  return ranges.reduce((text, [name, range]) => text.replaceAll(name, range), pattern);
}

function parametersOf({ properties = {}, required = [] }: Schema): object[] {
  return Object.entries(properties).map(([name, schema]) => {
    const { description = '', ...rest } = portable(schema);
    const isNested = schema.type === 'array' || schema.type === 'object';
    return {
      name,
      in: 'query',
      description,
      required: required.includes(name),
      ...(isNested ? { content: { 'application/json': { schema: rest } } } : { schema: rest }),
    };
  });
}

function success({ answer, streams, name }: ActionDescription): object {
  if (streams) {
    const content = { 'application/x-ndjson': { schema: { type: 'string' } } };
    return { description: 'A stream of JSON lines.', content };
  }
  const { $schema: _dialect, ...rest } = answer as Schema & { readonly $schema?: string };
  const schema = {
    ...rest,
    properties: { RequestId: { type: 'string' }, ...answer.properties },
    required: ['RequestId', ...(answer.required ?? [])],
  };
  return { description: `${name} is done.`, content: { 'application/json': { schema } } };
}

/** By the statuses of the codes that the action lists; the door's own come on top. */
function failures({ errors }: ActionDescription): Record<string, object> {
  const statuses = errors.filter(isErrorCode).map((code) => {
    const { status }: ErrorRow = errorTable[code];
    return status;
  });
  const all = [...new Set([400, 403, 404, 409, 503, ...statuses])];
  return Object.fromEntries(
    all.map((status) => [String(status), { $ref: '#/components/responses/Error' }]),
  );
}
