import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { versions } from '../src/api/actions/action.ts';
import { canonicalQuery, isoSeconds, signV1, stringToSignV1 } from '../src/signing.ts';

/** Load by wrk, a process of its own, over kept-alive connections. */

export interface SigningKey {
  readonly id: string;
  readonly secret: string;
}

/** The path of a freshly signed POST (V1) of an Ens action; its nonce counts once. */
export function signedPath(
  key: SigningKey,
  action: string,
  parameters: Readonly<Record<string, string>>,
): string {
  const all: [string, string][] = Object.entries({
    Action: action,
    Version: versions.Ens,
    Format: 'JSON',
    AccessKeyId: key.id,
    SignatureMethod: 'HMAC-SHA1',
    SignatureVersion: '1.0',
    SignatureNonce: randomBytes(16).toString('hex'),
    Timestamp: isoSeconds(Date.now()),
    ...parameters,
  });
  const signature = signV1(key.secret, stringToSignV1('POST', all));
  return `/?${canonicalQuery([...all, ['Signature', signature]])}`;
}

export interface WrkOptions {
  readonly port: number;
  readonly host?: string;
  /** Over TLS, whatever certificate is shown. */
  readonly isSecure?: boolean;
  readonly clients: number;
  readonly seconds: number;
  /** POSTed one after the other, from the start again at the end; absent: GET /. */
  readonly paths?: readonly string[];
}

/**
 * Requests a second.
 * @throws when wrk is absent, or any answer is not 200
 */
export async function runWrk(options: WrkOptions): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-wrk-'));
  try {
    const { host = '127.0.0.1', port, clients, seconds, paths } = options;
    const script = paths === undefined ? [] : ['-s', await writeScript(folder, paths)];
    const { stdout } = await promisify(execFile)('wrk', [
      ...['-t', '1', '-c', String(clients), '-d', `${seconds}s`, ...script],
      `${options.isSecure ? 'https' : 'http'}://${host}:${port}`,
    ]);
    if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`answers other than 200:\n${stdout}`);
    const rate = /Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1];
    if (rate === undefined) throw new Error(`wrk said:\n${stdout}`);
    return Number(rate);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeScript(folder: string, paths: readonly string[]): Promise<string> {
  const list = join(folder, 'paths');
  await writeFile(list, `${paths.join('\n')}\n`);
  const script = join(folder, 'requests.lua');
  const lines = [
    'local paths, at = {}, 0',
    `for path in io.lines("${list}") do paths[#paths + 1] = path end`,
    'function request()',
    '  at = at % #paths + 1',
    '  return wrk.format("POST", paths[at])',
    'end',
  ];
  await writeFile(script, lines.join('\n'));
  return script;
}

/** A bare node:http server that reads a request and answers it: with `answer`, else its path. */
export function startEcho(answer?: string) {
  const server = http.createServer((request, response) => {
    request.resume();
    request.once('end', () => {
      response.setHeader('content-type', 'application/json');
      response.end(answer ?? request.url);
    });
  });
  return {
    listen: () =>
      new Promise<number>((resolve) => {
        server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
      }),
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
