import { execFile } from 'node:child_process';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { contains, parseBlock } from '../elb/cidr.ts';
import { isAssignable } from '../elb/grounds.ts';
import { limits } from '../limits.ts';
import { type Log, reasonOf } from '../log.ts';
import { withoutSecrets } from '../private-process.ts';
import type { Disk } from './disk.ts';
import { isMarkOf, labelOf, machineAddresses, type Owned } from './machine-addresses.ts';

/** What puts addresses on this machine and takes them away again. */
export interface Addresses {
  /** Makes an address this machine's own. @returns why it is not; undefined: it is */
  hold(loadBalancerId: string, address: string): Promise<string | undefined>;
  /** The load balancer needs its address no more. @throws when it cannot be taken away */
  release(loadBalancerId: string): Promise<void>;
  /** Releases all but these: what an earlier life left. @throws as release */
  keepOnly(wanted: ReadonlySet<string>): Promise<void>;
  /** Releases all. @returns which those were @throws as release */
  releaseAll(): Promise<readonly string[]>;
}

export interface AddressesOptions {
  /** Where addresses are put; `lo` is there on every machine. */
  readonly interfaceName: string;
  /** The Sluice that they are of, which each one added is marked with: `instanceName`. */
  readonly instance: string;
  /** Where it is written down which addresses are ours to take away. */
  readonly disk: Disk;
  /** Tells one life of the machine from the next: what was added is gone after a boot. */
  readonly boot: string;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly log: Log;
}

/** An address that we have added, as the file has it. */
interface Added {
  readonly address: string;
  readonly interfaceName: string;
}

interface Wanted extends Added {
  /** The load balancer that needs it. */
  readonly id: string;
}

interface Asked extends Wanted {
  answer(reason: string | undefined): void;
}

const fileName = 'addresses.json';

/**
 * The addresses of load balancers on an interface of this machine, by the program `ip`. One that
 * the machine has already is left alone, also at the end: only what the file names was added here,
 * and it is written before the address is added. What comes together is added together. What an
 * earlier life had is there again when this resolves, or an engine that starts could not listen.
 */
export async function openAddresses(options: AddressesOptions): Promise<Addresses> {
  const addresses = new InterfaceAddresses(options);
  await addresses.restore();
  return addresses;
}

class InterfaceAddresses implements Addresses {
  readonly #options: AddressesOptions;
  /** What we have added, by the load balancer that needs it. */
  readonly #added = new Map<string, Added>();
  /** Of the machine without being on an interface: a route makes them local. */
  readonly #routed = new Set<string>();
  readonly #asked: Asked[] = [];
  /** Load balancers that need theirs no more, and the turn in which those are taken away. */
  readonly #leaving: string[] = [];
  #nextDrop: Promise<void> = Promise.resolve();
  /** Addresses that are just being taken away: they are still there, and soon are not. */
  #going: ReadonlySet<string> = new Set();
  #turn: Promise<unknown> = Promise.resolve();
  #local: { readonly at: number; readonly addresses: ReadonlyMap<string, Owned> } | undefined;

  constructor(options: AddressesOptions) {
    this.#options = options;
  }

  /** Called once, by `openAddresses`: adds what a boot has taken away, and moves what must move. */
  async restore(): Promise<void> {
    const { boot, interfaceName, log } = this.#options;
    const file = await readFile(this.#options);
    const before = Object.entries(file.added);
    try {
      if (file.boot === boot) {
        for (const [id, added] of before) this.#added.set(id, added);
        this.#takeMarked();
        const astray = before.filter(([, added]) => added.interfaceName !== interfaceName);
        await this.#drop(astray.map(([id]) => id));
      }
      const missing = before.filter(([, { address }]) => !this.#isLocal(address));
      const asked = missing.map(([id, { address }]) => ({ id, address, interfaceName }));
      const reason = await this.#add(asked);
      if (reason !== '') log.error({ reason }, 'not every address could be added again');
    } catch (error) {
      // Load balancers that miss theirs say so when they are applied.
      log.error({ err: error }, 'addresses could not be added again');
    }
  }

  async hold(id: string, address: string): Promise<string | undefined> {
    const { interfaceName } = this.#options;
    const problem = this.#notOurs(address);
    if (problem !== undefined) return `cannot have ${address} here: ${problem}`;
    if (this.#isLocal(address) && this.#isSettled(id, address)) return undefined;
    return new Promise((answer) => {
      this.#asked.push({ id, address, interfaceName, answer });
      if (this.#asked.length === 1) void this.#inTurn(() => this.#addAsked());
    });
  }

  release(id: string): Promise<void> {
    this.#leaving.push(id);
    if (this.#leaving.length > 1) return this.#nextDrop;
    this.#nextDrop = this.#inTurn(async () => {
      await delay(limits.reloadGather);
      await this.#drop(this.#leaving.splice(0));
    });
    return this.#nextDrop;
  }

  keepOnly(wanted: ReadonlySet<string>): Promise<void> {
    return this.#inTurn(() => this.#drop([...this.#added.keys()].filter((id) => !wanted.has(id))));
  }

  async releaseAll(): Promise<readonly string[]> {
    const before = new Set(Array.from(this.#added.values(), ({ address }) => address));
    await this.keepOnly(new Set());
    return [...before];
  }

  /** What is marked as ours but not written down: the folder was removed since. */
  #takeMarked(): void {
    const { instance, log } = this.#options;
    const known = new Set(Array.from(this.#added.values(), ({ address }) => address));
    for (const [address, { mark, interfaceName }] of this.#machine()) {
      if (known.has(address) || !isMarkOf(mark, instance)) continue;
      log.warn({ address, interfaceName }, 'an earlier life left this address; it goes if unused');
      this.#added.set(`left behind ${address}`, { address, interfaceName });
    }
  }

  /** Why an address is never to be a load balancer's here, whatever the control plane says. */
  #notOurs(address: string): string | undefined {
    if (!isAssignable(address)) return 'no load balancer may have it';
    const found = this.#machine().get(address);
    if (found === undefined) return undefined;
    const { mark, isOwn, interfaceName } = found;
    if (mark !== undefined && !isMarkOf(mark, this.#options.instance)) {
      return `another Sluice on this machine has it (${interfaceName}:${mark})`;
    }
    return isOwn ? `this machine has it for itself, on ${interfaceName}` : undefined;
  }

  /** Nobody's of ours, or written down for this load balancer too: whoever ends last drops it. */
  #isSettled(id: string, address: string): boolean {
    if (this.#going.has(address)) return false;
    if (this.#added.get(id)?.address === address) return true;
    return !this.#added.values().some((added) => added.address === address);
  }

  #isLocal(address: string): boolean {
    if (address.startsWith('127.') || this.#routed.has(address)) return true;
    return this.#machine().has(address);
  }

  /** The machine's addresses as known, at most `addressesKnown` old. */
  #machine(): ReadonlyMap<string, Owned> {
    const now = this.#options.now();
    if (this.#local === undefined || Math.abs(now - this.#local.at) > limits.addressesKnown) {
      this.#local = { at: now, addresses: machineAddresses() };
    }
    return this.#local.addresses;
  }

  async #addAsked(): Promise<void> {
    await delay(limits.reloadGather);
    // Another Sluice may have added one since the machine was looked at.
    this.#local = undefined;
    const asked: Asked[] = [];
    for (const each of this.#asked.splice(0)) {
      const problem = this.#notOurs(each.address);
      if (problem === undefined) asked.push(each);
      else each.answer(`cannot have ${each.address} here: ${problem}`);
    }
    try {
      const ours = new Set(Array.from(this.#added.values(), ({ address }) => address));
      const missing: Asked[] = [];
      const isRouted = await localRoutes();
      for (const each of asked) {
        if (ours.has(each.address) || !isRouted(each.address)) missing.push(each);
        else this.#routed.add(each.address);
      }
      const reason = await this.#add(missing);
      for (const { address, answer } of asked) {
        answer(this.#isLocal(address) ? undefined : `cannot have ${address} here: ${reason}`);
      }
    } catch (error) {
      for (const { address, answer } of asked) {
        answer(`cannot have ${address} here: ${reasonOf(error)}`);
      }
    }
  }

  /** @returns what `ip` complained of */
  async #add(missing: readonly Wanted[]): Promise<string> {
    for (const { id, address, interfaceName } of missing) {
      this.#added.set(id, { address, interfaceName });
    }
    if (missing.length === 0) return '';
    await this.#write();
    this.#local = undefined;
    const absent = missing.filter(({ address }) => !this.#isLocal(address));
    const reason = await ip(
      absent.map((each) => `address add ${words(each)}${this.#manner(each)}`),
    );
    this.#local = undefined;
    const failed = absent.filter(({ address }) => !this.#isLocal(address));
    if (failed.length === 0) return '';
    // Should somebody else add them later, they are not ours to take away.
    for (const { id } of failed) this.#added.delete(id);
    await this.#write();
    return reason || `${failed[0]!.interfaceName} does not show it: is it up?`;
  }

  async #drop(ids: readonly string[]): Promise<void> {
    const going = ids.flatMap((id) => this.#added.get(id) ?? []);
    if (going.length === 0) return;
    const before = [...this.#added];
    for (const id of ids) this.#added.delete(id);
    const kept = new Set(Array.from(this.#added.values(), ({ address }) => address));
    const free = going.filter(({ address }) => !kept.has(address));
    this.#local = undefined;
    const there = free.filter(({ address }) => this.#isLocal(address));
    this.#going = new Set(there.map(({ address }) => address));
    const reason = await ip(there.map((each) => `address del ${words(each)}`));
    this.#going = new Set();
    this.#local = undefined;
    const left = there.find(({ address }) => this.#isLocal(address));
    if (left !== undefined) {
      for (const [id, added] of before) this.#added.set(id, added);
      throw new Error(`cannot take ${left.address} from ${left.interfaceName}: ${reason}`);
    }
    await this.#write();
  }

  /** IPv6: to be had at once, and never what the machine's own connections come from. */
  #manner({ address, interfaceName }: Added): string {
    if (net.isIPv6(address)) return ' nodad preferred_lft 0';
    const label = labelOf(interfaceName, this.#options.instance);
    return label === undefined ? '' : ` label ${label}`;
  }

  async #write(): Promise<void> {
    const { disk, boot } = this.#options;
    await disk.replace(fileName, JSON.stringify({ boot, added: Object.fromEntries(this.#added) }));
  }

  #inTurn(run: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(run, run);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

interface Route {
  readonly type: string;
  readonly dst: string;
}

/** Tells which addresses a route makes the machine's own, as `ip route add local` does. */
async function localRoutes(): Promise<(address: string) => boolean> {
  const read = async (family: string) => {
    try {
      return JSON.parse(await run(['-j', family, 'route', 'show', 'table', 'local'])) as Route[];
    } catch {
      // Without `ip`, or without IPv6: adding the address says what is wrong.
      return [];
    }
  };
  const routes = [...(await read('-4')), ...(await read('-6'))];
  const targets = routes.filter(({ type }) => type === 'local').map(({ dst }) => dst);
  const hosts = new Set(targets.filter((dst) => !dst.includes('/')));
  const blocks = targets.flatMap((dst) => (dst.includes('/') ? (parseBlock(dst) ?? []) : []));
  return (address) => {
    const own = parseBlock(`${address}/${net.isIPv6(address) ? 128 : 32}`);
    return hosts.has(address) || blocks.some((block) => own && contains(block, own));
  };
}

interface File {
  readonly boot: string;
  readonly added: Readonly<Record<string, Added>>;
}

async function readFile({ disk, boot, log }: AddressesOptions): Promise<File> {
  const none = { boot, added: {} };
  try {
    const text = await disk.read(fileName);
    return text === undefined ? none : (JSON.parse(text) as File);
  } catch (error) {
    // Traffic matters more: what an earlier life added then stays until somebody takes it away.
    log.error({ err: error }, 'cannot read which addresses were added');
    return none;
  }
}

/** `10.0.0.1/32 dev lo` */
function words({ address, interfaceName }: Added): string {
  return `${token(address)}/${net.isIPv6(address) ? 128 : 32} dev ${interfaceName}`;
}

function token(address: string): string {
  if (net.isIP(address) === 0 || address.includes('%')) throw new Error(`no address: ${address}`);
  return address;
}

/** Runs commands of `ip`, each whatever becomes of the others. @returns what it complained of */
async function ip(commands: readonly string[]): Promise<string> {
  if (commands.length === 0) return '';
  try {
    await run(['-force', '-batch', '-'], `${commands.join('\n')}\n`);
    return '';
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string };
    if (code === 'ENOENT') return 'the program ip (iproute2) is not there';
    return stderr?.trim().split('\n')[0] || reasonOf(error);
  }
}

function run(args: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      env: withoutSecrets(),
      timeout: limits.addressCommand,
      maxBuffer: limits.addressOutput,
    };
    const child = execFile('ip', args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(Object.assign(error, { stderr }));
    });
    // What could not be written shows in how it ends.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}
