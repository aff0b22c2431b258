import { readFile } from 'node:fs/promises';
import type { AccessKeyPair } from '../access-key-pair.ts';
import { reasonOf } from '../log.ts';
import { readRootAccessKey } from '../root-key.ts';
import { type Environment, type Flag, UsageError } from '../usage.ts';
import type { RpcCaller, Terminal } from './terminal.ts';

export interface Where {
  readonly endpoint?: string | undefined;
  /** The data folder of a Sluice on this machine. */
  readonly data?: string | undefined;
  /** A PEM file of the authorities to trust. */
  readonly ca?: string | undefined;
}

/** How every command that calls the API finds it. */
export const callFlags: readonly (Flag & { readonly text: string })[] = [
  { name: 'endpoint', value: 'URL', text: 'the API (SLUICE_ENDPOINT, http://127.0.0.1:8080)' },
  { name: 'ca', value: 'FILE', text: 'authorities to trust instead of the public (SLUICE_CA)' },
  { name: 'data', value: 'FOLDER', text: 'where the access key is kept (SLUICE_DATA, ./data)' },
  { name: 'help', text: 'print this' },
];

const defaultEndpoint = 'http://127.0.0.1:8080';

/**
 * A client of the API: the endpoint from the flag, else SLUICE_ENDPOINT; the key from the
 * variables that every tool of Alibaba Cloud reads, else from the data folder; the authorities to
 * trust from the flag, else SLUICE_CA.
 * @throws UsageError when the endpoint is no address or no key is to be found
 */
export async function connect(terminal: Terminal, where: Where): Promise<RpcCaller> {
  const { environment } = terminal;
  const endpoint = where.endpoint ?? (environment.SLUICE_ENDPOINT || defaultEndpoint);
  if (!/^https?:$/.test(URL.parse(endpoint)?.protocol ?? '')) {
    throw new UsageError(`"${endpoint}" is not an address such as ${defaultEndpoint}`);
  }
  const dataFolder = where.data ?? (environment.SLUICE_DATA || './data');
  const key = keyFromVariables(environment) ?? (await readRootAccessKey(dataFolder));
  if (key === undefined) {
    throw new UsageError(
      `no access key: set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or ` +
        `name the data folder of a Sluice on this machine (--data, now ${dataFolder})`,
    );
  }
  const ca = where.ca ?? environment.SLUICE_CA;
  return terminal.connect({ endpoint, ...key, ...(ca ? { ca: await readAuthorities(ca) } : {}) });
}

async function readAuthorities(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read the authorities to trust: ${reasonOf(error)}`);
  }
}

function keyFromVariables(
  environment: Environment,
): (AccessKeyPair & { securityToken?: string }) | undefined {
  const accessKeyId = environment.ALIBABA_CLOUD_ACCESS_KEY_ID;
  const accessKeySecret = environment.ALIBABA_CLOUD_ACCESS_KEY_SECRET;
  const securityToken = environment.ALIBABA_CLOUD_SECURITY_TOKEN;
  if (!accessKeyId || !accessKeySecret) return undefined;
  return { accessKeyId, accessKeySecret, ...(securityToken ? { securityToken } : {}) };
}
