import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import net from 'node:net';
import { dirname } from 'node:path';
import { parseAddress } from '../elb/cidr.ts';

/**
 * Which program has a port, in words for an operator; undefined when it cannot be found out, as of
 * another user's processes.
 * @param host an address; one that is open at every address counts too
 */
export function portOwner(
  host: string,
  port: number,
  protocol: 'tcp' | 'udp' = 'tcp',
): string | undefined {
  const inodes = new Set(socketsAt(host, port, protocol));
  if (inodes.size === 0) return undefined;
  for (const name of readdirSync('/proc')) {
    if (/^\d+$/.test(name) && holdsOne(name, inodes)) return describe(Number(name));
  }
  return undefined;
}

/** What is known of a process. */
function describe(pid: number): string {
  const folder = engineFolder(pid);
  const words = commandOf(pid);
  const name = (words[0] ?? '').split('/').at(-1) || 'a program';
  // `<data folder>/forwarder/haproxy`
  const dataFolder = folder?.replace(/\/forwarder\/haproxy$/, '');
  if (dataFolder !== undefined) {
    return `HAProxy (process ${pid}) of the Sluice with the data folder ${dataFolder}`;
  }
  return `${name.replaceAll(/[^\w.+-]/g, '?').slice(0, 40)} (process ${pid})`;
}

/** The inodes of sockets that listen, or receive, at an address and port. */
function socketsAt(host: string, port: number, protocol: 'tcp' | 'udp'): string[] {
  const wanted = [hex(host), hex(net.isIPv6(host) ? '::' : '0.0.0.0'), hex('::')];
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const states = protocol === 'tcp' ? ['0A'] : ['07'];
  return [protocol, `${protocol}6`].flatMap((file) =>
    readTable(`/proc/net/${file}`).flatMap((fields) => {
      const [, local = '', , state = '', , , , , , inode = ''] = fields;
      const isThere = wanted.some((address) => local === `${address}${suffix}`);
      return isThere && states.includes(state) ? [inode] : [];
    }),
  );
}

function readTable(path: string): string[][] {
  try {
    const lines = readFileSync(path, 'utf8').trim().split('\n').slice(1);
    return lines.map((line) => line.trim().split(/\s+/));
  } catch {
    // No IPv6 here.
    return [];
  }
}

/** An address as /proc/net has it: 32-bit words in the machine's byte order (little-endian). */
function hex(address: string): string {
  const parsed = parseAddress(address);
  if (parsed === undefined) return '';
  const digits = parsed.value.toString(16).padStart(parsed.bits / 4, '0');
  const words = digits.match(/.{8}/g) ?? [];
  return words
    .map((word) => (word.match(/../g) ?? []).reverse().join(''))
    .join('')
    .toUpperCase();
}

function holdsOne(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`)) ?? [];
      return inode !== undefined && inodes.has(inode);
    });
  } catch {
    // It has ended, or is another user's.
    return false;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // Closed meanwhile.
    return '';
  }
}

/** The engine's folder of a HAProxy of Sluice, master or worker; undefined for other processes. */
function engineFolder(pid: number): string | undefined {
  const words = commandOf(pid);
  const files = words.flatMap((word, index) => (word === '-f' ? [words[index + 1] ?? ''] : []));
  const [base = '', sections] = files;
  if (!words.includes('-W') || files.length !== 2 || !base.endsWith('/haproxy.cfg')) {
    return undefined;
  }
  const folder = dirname(base);
  return sections === `${folder}/load-balancers` ? folder : undefined;
}

/** The words that a process was started with; none when it has ended. */
function commandOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    // No such process any more.
    return [];
  }
}
