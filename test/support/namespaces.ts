import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Methods } from './in-namespace.ts';
import { runName } from './run.ts';

/**
 * A network of a test's own: a client, a forwarder and three backends, each in a network
 * namespace, with the forwarder in the middle. It goes with the test.
 *
 *   client 10.77.0.1, .3 --- .2 forwarder 10.78.N.1 --- 10.78.N.2 backend N
 *
 * The load balancer's address is `address`. IPv6 likewise, at fd77:: and fd78:N::.
 */
export interface Network {
  readonly address: string;
  readonly address6: string;
  readonly client: Machine;
  readonly forwarder: Machine;
  readonly backends: readonly (Machine & { readonly ip: string; readonly ip6: string })[];
}

/** A process in a namespace, and what can be asked of it. */
export interface Machine {
  readonly namespace: string;
  /** Runs a program there to its end. */
  run(program: string, ...args: string[]): string;
  /** Calls one of the methods of in-namespace.ts. */
  ask<Name extends keyof Methods>(
    name: Name,
    ...args: Parameters<Methods[Name]>
  ): Promise<Awaited<ReturnType<Methods[Name]>>>;
  /** Stops its process, or lets it go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** Ends the process as a crash would; the next `ask` goes to a new one. */
  kill(): Promise<void>;
}

/** A test, or whatever else ends what it has made. */
export interface Owner {
  after(end: () => unknown): void;
}

/** Makes a network that ends with the test. */
export function makeNetwork(t: Owner): Network {
  const id = randomBytes(3).toString('hex');
  const machines: (Machine & { end(): void })[] = [];
  t.after(() => {
    for (const machine of machines) machine.end();
  });
  const machine = (name: string) => {
    const made = openMachine(`${runName}-${id}-${name}`);
    machines.push(made);
    return made;
  };
  const client = machine('c');
  const forwarder = machine('f');
  const own = forwarder.namespace;
  link(client.namespace, own, 'c', '10.77.0.1', '10.77.0.2', 'fd77::1', 'fd77::2');
  client.run('ip', 'addr', 'add', '10.77.0.3/24', 'dev', 'eth0');
  client.run('ip', 'addr', 'add', 'fd77::3/64', 'dev', 'eth0', 'nodad');
  forwarder.run('ip', 'addr', 'add', '10.77.0.100/32', 'dev', 'c');
  forwarder.run('ip', 'addr', 'add', 'fd77::100/128', 'dev', 'c', 'nodad');
  client.run('ip', 'route', 'add', '10.0.0.0/8', 'via', '10.77.0.2');
  client.run('ip', '-6', 'route', 'add', 'fd00::/8', 'via', 'fd77::2');
  const switches = ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'];
  forwarder.run('sysctl', '-qw', ...switches);
  const backends = [1, 2, 3].map((n) => {
    const backend = machine(`b${n}`);
    const [ip, ip6] = [`10.78.${n}.2`, `fd78:${n}::2`];
    link(backend.namespace, own, `b${n}`, ip, `10.78.${n}.1`, ip6, `fd78:${n}::1`);
    backend.run('ip', 'route', 'add', 'default', 'via', `10.78.${n}.1`);
    backend.run('ip', '-6', 'route', 'add', 'default', 'via', `fd78:${n}::1`);
    return { ...backend, ip, ip6 };
  });
  return { address: '10.77.0.100', address6: 'fd77::100', client, forwarder, backends };
}

/** A namespace without links that ends with the test. */
export function makeNamespace(t: Owner): Machine {
  const machine = openMachine(`${runName}-${randomBytes(3).toString('hex')}`);
  t.after(() => machine.end());
  return machine;
}

/** A link from a machine, where it is called eth0, to the forwarder. */
function link(
  from: string,
  to: string,
  name: string,
  ip: string,
  peer: string,
  ip6: string,
  peer6: string,
): void {
  const ipCommand = (...args: string[]) => execFileSync('ip', args);
  ipCommand(
    '-n',
    from,
    'link',
    'add',
    'name',
    'eth0',
    'type',
    'veth',
    'peer',
    'name',
    name,
    'netns',
    to,
  );
  for (const [namespace, device, address, address6] of [
    [from, 'eth0', ip, ip6],
    [to, name, peer, peer6],
  ] as const) {
    ipCommand('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', device);
    ipCommand('-n', namespace, 'addr', 'add', `${address6}/64`, 'dev', device, 'nodad');
    ipCommand('-n', namespace, 'link', 'set', device, 'up');
  }
}

function openMachine(namespace: string): Machine & { end(): void } {
  execFileSync('ip', ['netns', 'add', namespace]);
  execFileSync('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
  const machine = enterNamespace(namespace);
  return {
    ...machine,
    end() {
      machine.end();
      execFileSync('ip', ['netns', 'del', namespace]);
    },
  };
}

/** A machine in a namespace that is another's to take away. */
export function enterNamespace(namespace: string): Machine & { end(): void } {
  const module = fileURLToPath(new URL('in-namespace.ts', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'machine-'));
  const env = { ...process.env, TMPDIR: folder };
  let child: ChildProcess | undefined;
  let calls = 0;
  const waiting = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
  const start = () => {
    const execArgv = ['netns', 'exec', namespace, process.execPath];
    const started = fork(module, [], { execPath: 'ip', execArgv, env });
    started.on('message', ({ call, value, error }: Answer) => {
      const caller = waiting.get(call);
      waiting.delete(call);
      if (error === undefined) caller?.resolve(value as never);
      else caller?.reject(new Error(error));
    });
    started.on('exit', () => {
      for (const { reject } of waiting.values()) reject(new Error('the process ended'));
      waiting.clear();
    });
    return started;
  };
  return {
    namespace,
    run: (program, ...args) =>
      execFileSync('ip', ['netns', 'exec', namespace, program, ...args], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    ask(name, ...args) {
      child ??= start();
      const process = child;
      return new Promise((resolve, reject) => {
        calls += 1;
        waiting.set(calls, { resolve, reject });
        process.send({ call: calls, name, args });
      });
    },
    signal(signal) {
      child?.kill(signal);
    },
    async kill() {
      const ended = child;
      child = undefined;
      if (ended === undefined) return;
      ended.kill('SIGKILL');
      await once(ended, 'exit');
    },
    end() {
      child?.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Answer {
  readonly call: number;
  readonly value?: unknown;
  readonly error?: string;
}
