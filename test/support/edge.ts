import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { runName } from './run.ts';

/**
 * A network namespace for a forwarder, with a link to this one, where clients and backends are:
 *
 *   here 10.66.N.1, fd66:N::1 --- there 10.66.N.2, fd66:N::2
 *
 * Clients find the addresses of both pools by asking who has them on the link, as neighbours do.
 */
export interface Edge {
  readonly namespace: string;
  /** The name of the link in the namespace. */
  readonly interfaceName: string;
  readonly here: string;
  readonly there: string;
  /** Blocks of the link that nobody has. */
  readonly pool: string;
  readonly pool6: string;
  /** Runs a program in the namespace to its end. */
  run(program: string, ...args: string[]): string;
  /** The addresses that interfaces there have, without those of loopback and link. */
  addresses(): string[];
  /** Kills all that runs in it. */
  kill(): void;
  /** Takes it away, with whatever still runs in it. */
  end(): void;
}

function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8' });
}

/** Makes one. */
export function makeEdge(): Edge {
  const number = freeNumber();
  const id = randomBytes(3).toString('hex');
  const namespace = `${runName}-edge-${id}`;
  const interfaceName = 'edge0';
  const run = (program: string, ...args: string[]) =>
    execFileSync('ip', ['netns', 'exec', namespace, program, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const kill = () => {
    for (const pid of ip('netns', 'pids', namespace).split('\n')) {
      if (pid !== '') process.kill(Number(pid), 'SIGKILL');
    }
  };
  ip('netns', 'add', namespace);
  const outer = `edge-${id}`;
  ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', interfaceName, 'netns', namespace);
  const [here, there] = [`10.66.${number}.1`, `10.66.${number}.2`];
  const [here6, there6] = [`fd66:${number}::1`, `fd66:${number}::2`];
  ip('addr', 'add', `${here}/24`, 'dev', outer);
  ip('addr', 'add', `${here6}/64`, 'dev', outer, 'nodad');
  ip('link', 'set', outer, 'up');
  run('ip', 'link', 'set', 'lo', 'up');
  run('ip', 'addr', 'add', `${there}/24`, 'dev', interfaceName);
  run('ip', 'addr', 'add', `${there6}/64`, 'dev', interfaceName, 'nodad');
  run('ip', 'link', 'set', interfaceName, 'up');
  return {
    namespace,
    interfaceName,
    here,
    there,
    pool: `10.66.${number}.128/25`,
    pool6: `fd66:${number}::100/120`,
    run,
    kill,
    end: () => {
      kill();
      ip('link', 'del', outer);
      ip('netns', 'del', namespace);
    },
    addresses: () => addressesOf(run).filter((address) => ![there, there6].includes(address)),
  };
}

/** Without those of every machine. */
function addressesOf(run: Edge['run']): string[] {
  return (JSON.parse(run('ip', '-j', 'addr', 'show')) as Interface[])
    .flatMap(({ addr_info }) => addr_info.map(({ local }) => local))
    .filter((local) => !['127.0.0.1', '::1'].includes(local) && !local.startsWith('fe80:'))
    .sort();
}

interface Interface {
  readonly addr_info: readonly { readonly local: string }[];
}

/** An N that no other link of this machine has. */
function freeNumber(): number {
  for (;;) {
    const number = 1 + (randomBytes(1)[0]! % 250);
    if (ip('addr', 'show', 'to', `10.66.${number}.0/24`) === '') return number;
  }
}
