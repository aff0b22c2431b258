import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openEtcd } from './etcd.ts';
import { openSqlite } from './sqlite.ts';
import type { Store } from './store.ts';

export interface OpenOptions {
  /** Where `sqlite:` keeps its file. */
  readonly dataFolder: string;
  /** Milliseconds of a clock that never goes back, for leases in SQLite. */
  readonly now?: () => number;
}

const parameters = ['prefix', 'user', 'password', 'tls', 'ca', 'cert', 'key'];

/**
 * Opens the store that a setting names:
 * - `sqlite:` (store.db in the data folder) or `sqlite:/path/of/file`
 * - `etcd://host:port,host:port?prefix=/sluice/&user=…&password=…`, with https when `tls=true` or
 *   a PEM file is named: `ca=` (whom to trust), `cert=` and `key=` (who we are)
 * @throws Error for any other text, and whatever keeps the engine from opening
 */
export async function openStore(spec: string, options: OpenOptions): Promise<Store> {
  const { dataFolder, ...settings } = options;
  const path = sqlitePath(spec, dataFolder);
  if (path !== undefined) return openSqlite({ path, ...settings });
  if (spec.startsWith('etcd://')) return openEtcdOf(spec.slice('etcd://'.length));
  throw new Error('a store is sqlite:, sqlite:/path or etcd://host:port,host:port?prefix=/sluice/');
}

/** The file of a SQLite store; undefined for any other. */
export function sqlitePath(spec: string, dataFolder: string): string | undefined {
  if (!spec.startsWith('sqlite:') || spec.startsWith('sqlite://')) return undefined;
  const path = spec.slice('sqlite:'.length);
  return path === '' ? join(dataFolder, 'store.db') : resolve(path);
}

async function openEtcdOf(rest: string): Promise<Store> {
  const [hosts = '', query = ''] = rest.split('?', 2);
  const given = new URLSearchParams(query);
  const unknown = [...given.keys()].find((name) => !parameters.includes(name));
  if (unknown !== undefined) {
    throw new Error(`an etcd store has no parameter ${unknown}; it has ${parameters.join(', ')}`);
  }
  const pem = async (name: 'ca' | 'cert' | 'key') => {
    const path = given.get(name);
    return path === null ? {} : { [name]: await readFile(path, 'utf8') };
  };
  const tls = { ...(await pem('ca')), ...(await pem('cert')), ...(await pem('key')) };
  const secure = given.get('tls') === 'true' || Object.keys(tls).length > 0;
  return openEtcd({
    endpoints: hosts.split(',').map((host) => originOf(host, secure)),
    tls,
    ...pick(given, 'prefix'),
    ...pick(given, 'user'),
    ...pick(given, 'password'),
  });
}

/** `host:port` or `host`, which has etcd's own port. */
function originOf(host: string, secure: boolean): string {
  const text = `${secure ? 'https' : 'http'}://${host}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    url.hostname === '' ||
    url.origin.toLowerCase() !== url.href.replace(/\/$/, '')
  ) {
    throw new Error(`"${host}" is no host:port of etcd`);
  }
  if (url.port === '' && !/:\d+$/.test(host)) url.port = '2379';
  return url.origin;
}

function pick<Name extends string>(given: URLSearchParams, name: Name): { [key in Name]?: string } {
  const value = given.get(name);
  return value === null ? {} : ({ [name]: value } as { [key in Name]?: string });
}
