import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openEtcd } from './etcd.ts';
import { openMemory, openSqlite } from './sqlite.ts';
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
 * - `sqlite:memory`, which ends with the process and leaves no file
 * - `etcd://host:port,host:port?prefix=/sluice/&user=…&password=…`, with https when `tls=true` or
 *   a PEM file is named: `ca=` (whom to trust), `cert=` and `key=` (who we are)
 * @throws Error for any other text, and whatever keeps the engine from opening
 */
export async function openStore(spec: string, options: OpenOptions): Promise<Store> {
  const { dataFolder, ...settings } = options;
  if (spec === memorySpec) return openMemory(settings);
  const path = sqlitePath(spec, dataFolder);
  if (path !== undefined) return openSqlite({ path, ...settings });
  if (spec.startsWith('etcd://')) return openEtcdOf(spec.slice('etcd://'.length));
  throw new Error(`a store is ${storeForms}?prefix=/sluice/`);
}

/** What the setting of a store may be, for messages. */
export const storeForms = 'sqlite:, sqlite:memory, sqlite:/path or etcd://host:port,host:port';

const memorySpec = 'sqlite:memory';

/** True for a setting that names a store; whether it can be opened shows when it is. */
export function isStoreSpec(spec: string): boolean {
  return (
    spec === memorySpec || sqlitePath(spec, '/') !== undefined || /^etcd:\/\/[^\s,]/.test(spec)
  );
}

/**
 * A path that means a file: `sqlite::memory:` and `sqlite:memroy` are mistakes, not names. Signs
 * that a shell or SQLite reads in other ways are refused too.
 */
function isFilePath(path: string): boolean {
  const hasOddSigns = /[\p{C}:?#*"'`$\\<>|;&]|^\s|\s$/u.test(path);
  return !hasOddSigns && /[/.]/.test(path) && !/(^|\/)\.{0,2}$/.test(path);
}

/** The `http://host:port` of each etcd of a store's setting; none for another engine. */
export function etcdEndpoints(spec: string): string[] {
  if (!spec.startsWith('etcd://')) return [];
  const [hosts = ''] = spec.slice('etcd://'.length).split('?', 1);
  return hosts.split(',').map((host) => originOf(host, false));
}

/** The file of a SQLite store; undefined for any other, and for a text that means no file. */
export function sqlitePath(spec: string, dataFolder: string): string | undefined {
  if (!spec.startsWith('sqlite:') || spec.startsWith('sqlite://')) return undefined;
  const path = spec.slice('sqlite:'.length);
  if (path === '') return join(dataFolder, 'store.db');
  return isFilePath(path) ? resolve(path) : undefined;
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
