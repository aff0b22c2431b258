import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import type { AccessKeyPair } from './access-key-pair.ts';
import { trustedProxies } from './api/peer.ts';
import type { Block } from './elb/cidr.ts';
import { limits } from './limits.ts';
import {
  type Address,
  bad,
  type Given,
  type ThrottleSetting,
  toAddress,
  toBlocks,
  toInteger,
  toInterface,
  toMegabytes,
  toOneOf,
  toStore,
  toSwitch,
  toThrottle,
  toUrl,
} from './setting-values.ts';
import { type Environment, type Flag, parseFlags, UsageError } from './usage.ts';

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

export interface OldWorkerSettings {
  /** Memory of all of them; undefined = a share of the machine's. */
  readonly memoryBytes: number | undefined;
  /** How long their sessions may go on after the reload. */
  readonly ageMs: number;
}

/** What a machine that carries traffic needs to know, whoever tells it what to carry. */
interface TrafficSettings {
  /** Where state is kept; made when absent. Absolute: HAProxy has a working folder of its own. */
  readonly dataFolder: string;
  /** Who carries TCP listeners. */
  readonly l4: 'haproxy' | 'kernel';
  /** Where load balancers' addresses are put; undefined = nowhere, the operator sees to them. */
  readonly addressInterface: string | undefined;
  /** What HAProxy workers that reloads have replaced may hold. */
  readonly oldWorkers: OldWorkerSettings;
  /** A stopping process stops its traffic too. */
  readonly stopTraffic: boolean;
  readonly logLevel: (typeof logLevels)[number];
}

/** Settings of `sluice up` and `sluice control-plane`. */
export interface Settings extends TrafficSettings {
  readonly listen: Address;
  /** Certificate and key that the API shows; undefined = plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Addresses and networks of the proxies in front of the API. */
  readonly behindProxy: readonly string[];
  /** Host names of the console and /metrics besides loopback names, in lower case. */
  readonly hostNames: readonly string[];
  /** As openStore takes it: `sqlite:` (in the data folder), `etcd://host:port,host:port`. */
  readonly store: string;
  /** Three sample servers and a load balancer over them. */
  readonly sample: boolean;
  /** Take this root key instead of making one. */
  readonly rootAccessKey?: AccessKeyPair;
  readonly throttle: ThrottleSetting;
  /** Where /metrics listens; undefined = nowhere. */
  readonly metrics: Address | undefined;
  /** How long an answer waits for forwarders when the call does not say; 0 = not at all. */
  readonly confirmWaitMs: number;
  /** What forwarders of a site do that reach no control plane, unless the site says otherwise. */
  readonly isolation: 'serve' | 'fence';
  /** Networks that address pools may be of; empty: as Boundary says. */
  readonly poolNetworks: readonly Block[];
  /** Networks that servers may be in; empty: as Boundary says. */
  readonly backendNetworks: readonly Block[];
  /** Which calls the audit log has: those that write, or all. */
  readonly audit: 'writes' | 'reads';
  /** Days that the audit log is kept. */
  readonly auditDays: number;
  /** Megabytes (of 1,000,000 bytes) of audit log that are kept. */
  readonly auditMegabytes: number;
}

/** Settings of `sluice forwarder`, which calls the control plane with an access key of its own. */
export interface ForwarderSettings extends TrafficSettings {
  /** Control planes, tried in this order: `http://host:port`. */
  readonly endpoints: readonly string[];
  /** A PEM file of the authorities whose control planes count; undefined = the public ones. */
  readonly ca: string | undefined;
  /** The edge node it serves, an EnsRegionId. */
  readonly site: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

/**
 * One setting. Its flag is `--name`, or `--no-name` for a switch that is on by default; its key
 * in the settings file is the name in camelCase.
 */
export interface Setting {
  readonly name: string;
  readonly variable: string;
  /** What its value is called in `--help`; absent = a switch. */
  readonly value?: string;
  readonly fallback?: string;
  readonly text: string;
  /** Never a flag: arguments can be read by everybody on the machine. */
  readonly secret?: true;
}

const data: Setting = {
  name: 'data',
  variable: 'SLUICE_DATA',
  value: 'FOLDER',
  fallback: './data',
  text: 'where state is kept; made when absent',
};

const traffic: readonly Setting[] = [
  {
    name: 'l4',
    variable: 'SLUICE_L4',
    value: 'haproxy|kernel',
    fallback: 'haproxy',
    text: 'who carries TCP listeners; this version serves haproxy',
  },
  {
    name: 'address-interface',
    variable: 'SLUICE_ADDRESS_INTERFACE',
    value: 'NAME|none',
    fallback: 'lo',
    text: 'interface that takes the addresses of load balancers; for IPv6 the one clients come by',
  },
  {
    name: 'old-workers-memory',
    variable: 'SLUICE_OLD_WORKERS_MEMORY',
    value: 'MB|auto',
    fallback: 'auto',
    text: 'memory of HAProxy workers that serve sessions of before a reload; auto = a quarter',
  },
  {
    name: 'old-workers-age',
    variable: 'SLUICE_OLD_WORKERS_AGE',
    value: 'SECONDS',
    fallback: String(limits.oldWorkersAge),
    text: 'how long sessions of before a reload may go on',
  },
  {
    name: 'stop-traffic',
    variable: 'SLUICE_STOP_TRAFFIC',
    fallback: '0',
    text: 'stop the traffic too when this process is stopped',
  },
  {
    name: 'log-level',
    variable: 'SLUICE_LOG_LEVEL',
    value: 'LEVEL',
    fallback: 'info',
    text: `one of ${logLevels.join(', ')}`,
  },
];

const config: Setting = {
  name: 'config',
  variable: 'SLUICE_CONFIG',
  value: 'FILE',
  text: 'a JSON file with any of these settings, by their names in camelCase',
};

export const upSettings: readonly Setting[] = [
  {
    name: 'listen',
    variable: 'SLUICE_LISTEN',
    value: 'HOST:PORT',
    fallback: '127.0.0.1:8080',
    text: 'where the API listens; port 0 = any free one',
  },
  {
    name: 'tls-cert',
    variable: 'SLUICE_TLS_CERT',
    value: 'FILE',
    text: 'serve the API over TLS with this PEM certificate, its issuers behind it',
  },
  {
    name: 'tls-key',
    variable: 'SLUICE_TLS_KEY',
    value: 'FILE',
    text: 'and this PEM key; both files are read again when they change',
  },
  {
    name: 'behind-proxy',
    variable: 'SLUICE_BEHIND_PROXY',
    value: 'CIDR,CIDR',
    text: 'proxies whose X-Forwarded-For and X-Forwarded-Proto count',
  },
  {
    name: 'host-names',
    variable: 'SLUICE_HOST_NAMES',
    value: 'NAME,NAME',
    text: 'names that the console and /metrics are reached by, besides loopback names',
  },
  {
    name: 'insecure-listen',
    variable: 'SLUICE_INSECURE_LISTEN',
    fallback: '0',
    text: 'let other machines call the API in plain HTTP',
  },
  data,
  {
    name: 'store',
    variable: 'SLUICE_STORE',
    value: 'STORE',
    fallback: 'sqlite:',
    text: 'sqlite: (a file in the data folder), sqlite:memory or etcd://host:port,host:port',
  },
  {
    name: 'sample',
    variable: 'SLUICE_SAMPLE',
    fallback: '1',
    text: 'do not start the sample servers and their load balancer',
  },
  {
    name: 'root-access-key-id',
    variable: 'SLUICE_ROOT_ACCESS_KEY_ID',
    value: 'ID',
    secret: true,
    text: 'take this root access key instead of making one',
  },
  {
    name: 'root-access-key-secret',
    variable: 'SLUICE_ROOT_ACCESS_KEY_SECRET',
    value: 'SECRET',
    secret: true,
    text: 'its secret',
  },
  {
    name: 'throttle',
    variable: 'SLUICE_THROTTLE',
    value: 'documented|off|API,ACCOUNT',
    fallback: 'documented',
    text: 'calls a second: as ENS documents them, unlimited, or two numbers for every action',
  },
  {
    name: 'confirm-wait',
    variable: 'SLUICE_CONFIRM_WAIT',
    value: 'MS',
    fallback: String(limits.confirmWait),
    text: 'how long an answer waits for the forwarders; 0 = not at all',
  },
  {
    name: 'isolation',
    variable: 'SLUICE_ISOLATION',
    value: 'serve|fence',
    fallback: 'serve',
    text: 'for new sites: whether a forwarder that reaches no control plane goes on, or stops',
  },
  {
    name: 'pool-networks',
    variable: 'SLUICE_POOL_NETWORKS',
    value: 'CIDR,CIDR',
    text: "networks of address pools besides loopback, which is the first account's; absent: any",
  },
  {
    name: 'backend-networks',
    variable: 'SLUICE_BACKEND_NETWORKS',
    value: 'CIDR,CIDR',
    text: "networks of servers besides loopback, which is the first account's; absent: any",
  },
  {
    name: 'audit',
    variable: 'SLUICE_AUDIT',
    value: 'writes|reads',
    fallback: 'writes',
    text: 'which calls the audit log has: those that write and what is denied, or reads too',
  },
  {
    name: 'audit-days',
    variable: 'SLUICE_AUDIT_DAYS',
    value: 'DAYS',
    fallback: String(limits.auditDays),
    text: 'how long the audit log is kept',
  },
  {
    name: 'audit-size',
    variable: 'SLUICE_AUDIT_SIZE',
    value: 'MB',
    fallback: String(limits.auditMegabytes),
    text: 'how large the audit log may become; past it the oldest records are dropped',
  },
  {
    name: 'metrics',
    variable: 'SLUICE_METRICS',
    value: 'HOST:PORT|off',
    fallback: '127.0.0.1:9464',
    text: 'where /metrics listens',
  },
  ...traffic,
  config,
];

export const forwarderSettings: readonly Setting[] = [
  {
    name: 'endpoint',
    variable: 'SLUICE_ENDPOINT',
    value: 'URL,URL',
    fallback: 'http://127.0.0.1:8080',
    text: 'the control planes, in the order to try them',
  },
  {
    name: 'ca',
    variable: 'SLUICE_CA',
    value: 'FILE',
    text: 'trust the authorities in this PEM file instead of the public ones',
  },
  {
    name: 'site',
    variable: 'SLUICE_SITE',
    value: 'SITE',
    text: 'the edge node it serves (EnsRegionId)',
  },
  {
    name: 'access-key-id',
    variable: 'ALIBABA_CLOUD_ACCESS_KEY_ID',
    value: 'ID',
    secret: true,
    text: 'the access key that RegisterForwarder answered',
  },
  {
    name: 'access-key-secret',
    variable: 'ALIBABA_CLOUD_ACCESS_KEY_SECRET',
    value: 'SECRET',
    secret: true,
    text: 'its secret',
  },
  data,
  ...traffic,
  config,
];

/**
 * Reads the settings of `sluice up`: flags win over environment variables over the settings file.
 * @throws UsageError for an unknown flag, an unknown name in the file, a bad value
 */
export function readSettings(args: readonly string[], environment: Environment): Settings {
  const given = read(upSettings, args, environment);
  const accessKeyId = given('root-access-key-id').text;
  const accessKeySecret = given('root-access-key-secret').text;
  if ((accessKeyId === '') !== (accessKeySecret === '')) {
    throw new UsageError('SLUICE_ROOT_ACCESS_KEY_ID and SLUICE_ROOT_ACCESS_KEY_SECRET go together');
  }
  return {
    ...doorSettings(given),
    store: toStore(given('store')),
    sample: toSwitch(given('sample')),
    ...(accessKeyId === '' ? {} : { rootAccessKey: { accessKeyId, accessKeySecret } }),
    throttle: toThrottle(given('throttle')),
    confirmWaitMs: toInteger(given('confirm-wait'), 0, limits.confirmWaitMax),
    isolation: toOneOf(given('isolation'), ['serve', 'fence']),
    poolNetworks: toBlocks(given('pool-networks')),
    backendNetworks: toBlocks(given('backend-networks')),
    audit: toOneOf(given('audit'), ['writes', 'reads']),
    auditDays: toInteger(given('audit-days'), 1, limits.auditDaysMax),
    auditMegabytes: toInteger(given('audit-size'), 1, limits.auditMegabytesMax),
    metrics: given('metrics').text === 'off' ? undefined : toAddress(given('metrics')),
    ...trafficSettings(given),
  };
}

/**
 * Reads where a store is, for commands that work on it; other settings of `sluice up` pass.
 * @throws UsageError as readSettings
 */
export function readStoreSettings(
  args: readonly string[],
  environment: Environment,
): Pick<Settings, 'dataFolder' | 'store'> {
  const given = read(upSettings, args, environment);
  return { dataFolder: resolve(given('data').text), store: toStore(given('store')) };
}

/**
 * Reads the settings of `sluice forwarder`.
 * @throws UsageError as readSettings, and for an absent site or access key
 */
export function readForwarderSettings(
  args: readonly string[],
  environment: Environment,
): ForwarderSettings {
  const given = read(forwarderSettings, args, environment);
  const site = given('site').text;
  if (site === '') throw new UsageError('--site is missing: the edge node this forwarder serves');
  const accessKeyId = given('access-key-id').text;
  const accessKeySecret = given('access-key-secret').text;
  if (accessKeyId === '' || accessKeySecret === '') {
    throw new UsageError(
      'ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET are missing: ' +
        'RegisterForwarder answers them',
    );
  }
  const endpoint = given('endpoint');
  const endpoints = endpoint.text.split(',').map((text) => toUrl({ ...endpoint, text }));
  const ca = given('ca').text || undefined;
  return { endpoints, ca, site, accessKeyId, accessKeySecret, ...trafficSettings(given) };
}

/** What `sluice stop --help` prints. */
export const stopHelp = `sluice stop  ends what a Sluice that has stopped left running

HAProxy, rules in the kernel and addresses of one data folder, even where the folder is gone.

  --data FOLDER                  its data folder [SLUICE_DATA, ./data]
  --address-interface NAME|none  where its addresses are [SLUICE_ADDRESS_INTERFACE, lo]
`;

/**
 * Reads the settings of `sluice stop`.
 * @throws UsageError as readSettings
 */
export function readStopSettings(
  args: readonly string[],
  environment: Environment,
): Pick<Settings, 'dataFolder' | 'addressInterface'> {
  const names = ['data', 'address-interface'];
  const own = forwarderSettings.filter(({ name }) => names.includes(name));
  const given = read(own, args, environment);
  return {
    dataFolder: resolve(given('data').text),
    addressInterface: toInterface(given('address-interface')),
  };
}

/** The flag that sets a setting on the command line, undefined for a secret. */
export function flagOf({ name, value, fallback, secret }: Setting): Flag | undefined {
  if (secret) return undefined;
  if (value !== undefined) return { name, value };
  return { name: fallback === '1' ? `no-${name}` : name };
}

type Read = (name: string) => Given;

/** Looks settings up by name. An empty variable counts as absent; an absent setting is ''. */
function read(
  settings: readonly Setting[],
  args: readonly string[],
  environment: Environment,
): Read {
  const flags = settings.flatMap((setting) => flagOf(setting) ?? []);
  const { values, positionals } = parseFlags(args, flags);
  if (positionals[0] !== undefined) throw new UsageError(`unexpected ${positionals[0]}`);
  const file = readFile(values.get('config')?.at(-1) ?? environment.SLUICE_CONFIG, settings);
  return (name) => {
    const setting = settings.find((each) => each.name === name)!;
    const flag = flagOf(setting);
    const flagValue = flag && values.get(flag.name)?.at(-1);
    if (flag && flagValue !== undefined) {
      return { text: flag.name === name ? flagValue : 'false', source: `--${flag.name}` };
    }
    const variable = environment[setting.variable];
    if (variable) return { text: variable, source: setting.variable };
    return file(name) ?? { text: setting.fallback ?? '', source: `--${name}` };
  };
}

function readFile(
  path: string | undefined,
  settings: readonly Setting[],
): (name: string) => Given | undefined {
  if (!path) return () => undefined;
  const content = parseFile(path);
  const names = settings.filter(({ name }) => name !== 'config').map(({ name }) => name);
  for (const key of Object.keys(content)) {
    if (!names.some((name) => camelCase(name) === key)) {
      throw new UsageError(`${path}: unknown setting ${key}`);
    }
  }
  return (name) => {
    const value = content[camelCase(name)];
    if (value === undefined) return undefined;
    if (value === null || typeof value === 'object') {
      throw new UsageError(`${path}: ${camelCase(name)} is no text, number or boolean`);
    }
    return { text: String(value), source: `${path}: ${camelCase(name)}` };
  };
}

function parseFile(path: string): Record<string, unknown> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`cannot read the settings file ${path}: ${(error as Error).message}`);
  }
  if (content === null || typeof content !== 'object' || Array.isArray(content)) {
    throw new UsageError(`the settings file ${path} is no JSON object`);
  }
  return content as Record<string, unknown>;
}

function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** Where the API listens and how: what it signs is proven, but only TLS hides what it says. */
function doorSettings(given: Read): Pick<Settings, 'listen' | 'tls' | 'behindProxy' | 'hostNames'> {
  const listen = toAddress(given('listen'));
  const [cert, key] = [given('tls-cert').text, given('tls-key').text];
  if ((cert === '') !== (key === '')) throw new UsageError('--tls-cert and --tls-key go together');
  const tls = cert === '' ? undefined : { cert: resolve(cert), key: resolve(key) };
  const behindProxy = toNetworks(given('behind-proxy'));
  const isOpen = !isLoopback(listen.host) && tls === undefined && behindProxy.length === 0;
  if (isOpen && !toSwitch(given('insecure-listen'))) {
    throw new UsageError(
      `${given('listen').source}: other machines could call ${given('listen').text} in plain ` +
        'HTTP: give --tls-cert and --tls-key, or --behind-proxy with the address of a TLS proxy, ' +
        'or --insecure-listen if that is meant',
    );
  }
  return { listen, tls, behindProxy, hostNames: toHostNames(given('host-names')) };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Host names and addresses, without ports. */
function toHostNames(given: Given): readonly string[] {
  const names = given.text.split(',').flatMap((text) => text.trim().toLowerCase() || []);
  const isName = (name: string) =>
    isIP(name) !== 0 || /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?$/.test(name);
  if (!names.every(isName)) throw bad(given, 'a list of host names such as lb.example.com');
  return names;
}

function toNetworks(given: Given): readonly string[] {
  const networks = given.text.split(',').flatMap((text) => text.trim() || []);
  try {
    trustedProxies(networks);
  } catch {
    throw bad(given, 'a list of addresses and networks such as 10.0.0.1,192.0.2.0/24');
  }
  return networks;
}

function trafficSettings(given: Read): TrafficSettings {
  return {
    dataFolder: resolve(given('data').text),
    l4: toOneOf(given('l4'), ['haproxy', 'kernel']),
    addressInterface: toInterface(given('address-interface')),
    oldWorkers: {
      memoryBytes: toMegabytes(given('old-workers-memory')),
      ageMs: 1_000 * toInteger(given('old-workers-age'), 60, limits.oldWorkersAgeMax),
    },
    stopTraffic: toSwitch(given('stop-traffic')),
    logLevel: toOneOf(given('log-level'), logLevels),
  };
}
