import type { OutgoingHttpHeaders } from 'node:http';
import { type Action, versions } from '../../src/api/actions/action.ts';
import { actions } from '../../src/api/actions/index.ts';
import { badCalls, requiredTexts } from '../support/bad-values.ts';
import { v1Request, v3Request } from '../support/door.ts';
import { pick, seeded } from '../support/random.ts';
import { rootKey } from '../support/sluice.ts';
import { signed, type WireRequest } from '../support/wire.ts';

/** What a fuzzed server is sent: a request, or bytes that need not be one. */
export type Fuzz =
  | { readonly kind: 'request'; readonly bytes: Buffer }
  | { readonly kind: 'bytes'; readonly bytes: Buffer };

type Random = () => number;

/** The grammar of one action: texts for each parameter, from plausible to hostile. */
interface Grammar {
  readonly action: Action;
  readonly required: Readonly<Record<string, string>>;
  readonly texts: Readonly<Record<string, readonly string[]>>;
}

/** Streams do not end by themselves, and what closes the door ends the run. */
const grammars: readonly Grammar[] = actions.filter(({ stream }) => !stream).map(grammarOf);

function grammarOf(action: Action): Grammar {
  const texts: Record<string, string[]> = {};
  for (const name of Object.keys(action.input.shape)) texts[name] = ['', '1', 'on', '80'];
  for (const { parameters } of badCalls(action)) {
    for (const [name, text] of Object.entries(parameters)) {
      // Those that fill a body are for the test of stalls.
      if (text.length < 2_000) texts[name]?.push(text);
    }
  }
  return { action, required: requiredTexts(action), texts };
}

const key = { id: rootKey.accessKeyId, secret: rootKey.accessKeySecret };

/**
 * The request of an index: the same for the same seed, but for time and nonce, which must be new.
 * @param host `host:port`
 * @param known values that mean something to the server, such as ids
 */
export function fuzzAt(seed: number, index: number, host: string, known: readonly string[]): Fuzz {
  const random = seeded(Math.imul(seed, 0x9e3779b1) ^ index);
  const dice = random();
  if (dice > 0.98) return { kind: 'request', bytes: print(consoleRequest(random, host)) };
  const request = signedCall(random, host, known);
  if (dice < 0.7) return { kind: 'request', bytes: print(request) };
  if (dice < 0.95) return { kind: 'request', bytes: print(bend(random, request)) };
  return { kind: 'bytes', bytes: scramble(random, print(request)) };
}

function signedCall(random: Random, host: string, known: readonly string[]): WireRequest {
  const drawn = pick(random, grammars);
  // It reads the whole log, which grows with the run: others would hardly be called.
  const isDear = drawn.action.name === 'VerifyAuditRecords' && random() < 0.98;
  const { action, required, texts } = isDear ? pick(random, grammars) : drawn;
  const parameters: Record<string, string> = { ...required };
  for (const [name, list] of Object.entries(texts)) {
    if (random() < 0.35) parameters[name] = pick(random, random() < 0.4 ? known : list);
    if (random() < 0.05) delete parameters[name];
    if (random() < 0.03) parameters[`${name}.${pick(random, indexes)}`] = pick(random, list);
  }
  const version = versions[action.product];
  const headers = { host, ...extension(random) };
  const method = pick(random, ['GET', 'POST'] as const);
  const scheme = random();
  if (scheme < 0.4) {
    const format = random() < 0.3 ? { Format: pick(random, ['XML', 'JSON', 'xml', 'YAML']) } : {};
    const all = { ...parameters, ...format, Version: version };
    return wire(v1Request(action.name, all, { key, method, headers }));
  }
  if (scheme < 0.7)
    return wire(v3Request(action.name, parameters, { key, method, version, headers }));
  return signed(host, action.product, action.name, { form: Object.entries(parameters) });
}

const consolePaths = [
  '',
  'call',
  'session',
  'start',
  'start?ticket=v1.AAAA',
  'assets/../x',
  'a%00',
];
const consoleBodies = [
  '{"AccessKeyId":"a","AccessKeySecret":"b"}',
  '{"AccessKeyId":"\u0000","AccessKeySecret":{}}',
  '{"product":"Sts","action":"GetCallerIdentity"}',
];

/** What nobody who is signed in sends to the console. */
function consoleRequest(random: Random, host: string): WireRequest {
  const method = pick(random, methods);
  return {
    method,
    path: `/console/${pick(random, consolePaths)}`,
    headers: {
      host,
      'content-type': pick(random, types),
      cookie: `sluice-console=${printable(mutate(random, 'v1.AAAAAAAAAAAAAAAAAA'))}`,
      'x-sluice-csrf': printable(mutate(random, 'AAAA')),
      ...(random() < 0.3 ? { origin: pick(random, [`http://${host}`, 'null', 'x']) } : {}),
    },
    body: method === 'HEAD' ? '' : pick(random, [...bodies, ...consoleBodies]),
  };
}

const indexes = [
  '1',
  '2',
  '1.ServerId',
  '1.Port',
  '0',
  '-1',
  '999999999',
  '__proto__',
  '1.1.1.1',
  '',
];

function extension(random: Random): Record<string, string> {
  if (random() < 0.9) return {};
  const name = pick(random, ['if-revision', 'dry-run', 'drain-seconds', 'confirm-wait']);
  return {
    [`x-sluice-${name}`]: pick(random, ['0', '1', 'true', '-1', '1e9', 'x', '9'.repeat(30)]),
  };
}

function wire({ method, url, headers, body }: ReturnType<typeof v1Request>): WireRequest {
  return { method, path: url, headers: headers as OutgoingHttpHeaders, body: body.toString() };
}

const methods = ['PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'GET', 'POST'];
const bodies = ['', '{}', '[', 'a=1', 'A=%zz&A', '\u0000', '<xml/>', 'x'.repeat(5_000)];
const types = ['application/json', 'text/xml', 'application/x-www-form-urlencoded', 'x', ''];

/** A request that no longer is what was signed, but still HTTP. */
function bend(random: Random, request: WireRequest): WireRequest {
  const { method, path, headers, body } = request;
  const names = Object.keys(headers);
  const name = pick(
    random,
    names.filter((each) => each !== 'host'),
  );
  const value = String(headers[name] ?? '');
  switch (Math.floor(random() * 7)) {
    case 0:
      return { ...request, method: pick(random, methods), body: method === 'HEAD' ? '' : body };
    case 1:
      return { ...request, path: mutate(random, path).replaceAll(/[^\x21-\x7e]/g, '_') };
    case 2:
      return {
        ...request,
        headers: { ...headers, [name ?? 'a']: printable(mutate(random, value)) },
      };
    case 3:
      return { ...request, headers: { ...headers, [name ?? 'a']: '' } };
    case 4:
      return { ...request, body: pick(random, bodies) };
    case 5:
      return { ...request, headers: { ...headers, 'content-type': pick(random, types) } };
    default:
      return { ...request, path: `/${pick(random, ['', '.', '?', '%00', 'console/', 'healthz'])}` };
  }
}

function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?');
}

/** A text with some of it cut, doubled or replaced. */
function mutate(random: Random, text: string): string {
  const at = Math.floor(random() * (text.length + 1));
  const to = at + Math.floor(random() * 12);
  const piece = pick(random, [
    '',
    text.slice(at, to).repeat(2),
    '%',
    '&',
    '=',
    '%00',
    '\\',
    ',',
    ';',
  ]);
  return text.slice(0, at) + piece + text.slice(to);
}

/** Bytes in which anything may have changed, framing included. */
function scramble(random: Random, bytes: Buffer): Buffer {
  if (random() < 0.2) {
    return Buffer.from(
      Array.from({ length: 1 + random() * 200 }, () => Math.floor(random() * 256)),
    );
  }
  const out = Buffer.from(bytes);
  for (let count = 1 + Math.floor(random() * 8); count > 0; count--) {
    out[Math.floor(random() * out.length)] = Math.floor(random() * 256);
  }
  return out.subarray(0, random() < 0.3 ? Math.floor(random() * out.length) : out.length);
}

function print({ method, path, headers, body }: WireRequest): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}\r\n`);
  const length = `content-length: ${Buffer.byteLength(body)}\r\n`;
  const head = `${method} ${path.startsWith('/') ? path : `/${path}`} HTTP/1.1\r\n`;
  return Buffer.from(`${head}${lines.join('')}${length}\r\n${body}`);
}
