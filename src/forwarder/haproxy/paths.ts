import { createHash } from 'node:crypto';
import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Where one engine keeps its files and sockets. */
export interface Paths {
  /** What all load balancers share; HAProxy loads it before their sections. */
  readonly base: string;
  /** The folder of load balancers' sections. */
  readonly sections: string;
  /** The sites that are held to a lease, beside their load balancers' sections. */
  readonly leases: string;
  /** The folder with one file per HTTPS listener: its certificate and key. */
  readonly certificates: string;
  readonly pid: string;
  readonly log: string;
  readonly master: string;
  /** Every worker has its own, so that none is taken for another while one follows the other. */
  readonly workerSocket: (generation: number) => string;
  /** The folder of the sockets. */
  readonly sockets: string;
  /** The folder of sockets between workers, which HAProxy's own user must get into. */
  readonly handover: string;
}

/** The name of `leases` in its folder. */
export const leasesFile = 'leases.cfg';

/** The longest path of a Unix socket (`sun_path`), less what HAProxy appends while it binds. */
const longestSocket = 107 - 16;

/**
 * Sockets go to a short folder of their own where the engine's folder is too deep for them, or has
 * signs in its name that HAProxy's file would read otherwise. What HAProxy's own user must reach is
 * outside of the engine's folder, which is for its owner alone.
 */
export function pathsOf(folder: string): Paths {
  const digest = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  const longest = join(folder, `worker-${Number.MAX_SAFE_INTEGER}.sock`);
  const isPlain = /^[A-Za-z0-9/._@+~-]{1,190}$/.test(longest);
  const own = join(runtimeFolder(), digest);
  const sockets = isPlain && longest.length <= longestSocket ? folder : own;
  const handover = join(runtimeFolder(), `${digest}-handover`);
  return {
    base: join(folder, 'haproxy.cfg'),
    sections: join(folder, 'load-balancers'),
    leases: join(folder, 'load-balancers', leasesFile),
    // Named in HAProxy's commands.
    certificates: join(isPlain ? folder : own, 'certificates'),
    pid: join(folder, 'haproxy.pid'),
    log: join(folder, 'haproxy.log'),
    master: join(sockets, 'master.sock'),
    workerSocket: (generation) => join(sockets, `worker-${generation}.sock`),
    sockets,
    handover,
  };
}

/**
 * A folder of the service's own, where no other user can put anything first: as root /run, else the
 * user's runtime folder. Without one it is made in the folder for temporary files, and refused when
 * another user has made it.
 */
function runtimeFolder(): string {
  const uid = process.getuid!();
  if (uid === 0) return '/run/sluice';
  const { XDG_RUNTIME_DIR: own } = process.env;
  return own === undefined ? join(tmpdir(), `sluice-${uid}`) : join(own, 'sluice');
}

/**
 * Makes the folders, for their owner alone.
 * @param user who HAProxy's workers run as, when not as we do
 * @throws when a folder is somebody else's
 */
export function makeFolders(paths: Paths, user: string | undefined): void {
  // HAProxy's own user passes through it.
  ownFolder(runtimeFolder(), process.getuid!(), 0o711);
  for (const path of [dirname(paths.base), paths.sections, paths.sockets, paths.certificates]) {
    ownFolder(path, process.getuid!());
  }
  ownFolder(paths.handover, user === undefined ? process.getuid!() : userId(user));
}

function ownFolder(path: string, owner: number, mode = 0o700): void {
  if (mkdirSync(path, { recursive: true }) !== undefined) chownSync(path, owner, -1);
  const found = lstatSync(path);
  // Elsewhere than in a folder of ours somebody could have put one in our place.
  if (found.uid !== owner || !found.isDirectory()) {
    throw new Error(`${path} must be a folder of user ${owner}`);
  }
  chmodSync(path, mode);
}

/** `haproxy` where we are root and its package made that user. */
export function unprivilegedUser(): string | undefined {
  return process.getuid!() === 0 && userLine('haproxy') !== undefined ? 'haproxy' : undefined;
}

function userId(user: string): number {
  return Number(userLine(user)?.split(':')[2]);
}

function userLine(user: string): string | undefined {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  return lines.find((line) => line.startsWith(`${user}:`));
}
