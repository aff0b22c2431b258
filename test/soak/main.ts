/**
 * `npm run soak -- --minutes 10 [--seed N] [--isolation serve|fence]`: the promise over a long
 * time, on real processes in network namespaces of its own. Ends with 1 when
 * anything counts against it.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { seeded } from '../support/random.ts';
import { type Deployment, deploy, type Isolation } from './deployment.ts';
import { Faults } from './faults.ts';
import { watchFences } from './fences.ts';
import {
  forwarders,
  makeNetwork,
  newNetworkId,
  processesIn,
  removeNetwork,
  type SoakNetwork,
  soakNetwork,
} from './network.ts';
import { runOperations } from './operations.ts';
import { Removals } from './removals.ts';
import { grown, type Size, sizeOf } from './sizes.ts';
import { runTraffic } from './traffic.ts';
import { Verdict } from './verdict.ts';

/** Drains end within this, so that a short run meets their ends too. */
const drainSeconds = 10;

/** Beside the minutes of the run: for starting, recovering and stopping on a busy machine. */
const extraMinutes = 6;

/** How long processes may take to end once they were stopped. Milliseconds. */
const endMs = 10_000;

interface Flags {
  readonly minutes: number;
  readonly seed: number;
  readonly isolation: Isolation;
}

function readFlags(): Flags & { readonly inside: string | undefined } {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      isolation: { type: 'string', default: 'serve' },
      inside: { type: 'string' },
    },
  });
  const minutes = Number(values.minutes);
  const seed = Number(values.seed);
  const { isolation, inside } = values;
  if (!(minutes > 0 && minutes <= 1_440)) refuse('--minutes: more than 0, at most 1440');
  if (!Number.isInteger(seed)) refuse('--seed: a whole number');
  if (isolation !== 'serve' && isolation !== 'fence') refuse('--isolation: serve or fence');
  return { minutes, seed, isolation, inside };
}

function refuse(reason: string): never {
  console.error(`soak: ${reason}`);
  process.exit(2);
}

/** Makes the network, runs the soak in its hub, and takes all away however that ends. */
async function runOutside({ minutes, seed, isolation }: Flags): Promise<number> {
  const id = newNetworkId();
  const network = soakNetwork(id);
  // All temporary folders are made in this one, so that none outlives a run that was ended.
  const folder = mkdtempSync(join(tmpdir(), 'soak-'));
  const clear = () => {
    removeNetwork(network);
    rmSync(folder, { recursive: true, force: true });
  };
  const stop = () => {
    clear();
    process.exit(130);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, stop);
  console.log(`soak: ${minutes} minutes, seed ${seed}, isolation ${isolation}`);
  try {
    makeNetwork(network);
    const given = { inside: id, minutes, seed, isolation };
    const flags = Object.entries(given).map(([flag, value]) => `--${flag}=${value}`);
    const execArgv = ['netns', 'exec', network.hub, process.execPath];
    const env = { ...process.env, TMPDIR: folder };
    const child = fork(import.meta.filename, flags, { execPath: 'ip', execArgv, env });
    const late = setTimeout(() => child.kill('SIGKILL'), (minutes + extraMinutes) * 60_000);
    const [code] = await once(child, 'exit');
    clearTimeout(late);
    const left = await leftIn(network);
    for (const each of left) console.log(`left behind: ${each}`);
    return code === 0 && left.length === 0 ? 0 : 1;
  } finally {
    clear();
  }
}

/** What still runs when all should have ended. */
async function leftIn(network: SoakNetwork): Promise<readonly string[]> {
  const until = performance.now() + endMs;
  while (performance.now() < until && processesIn(network).length > 0) await delay(200);
  return processesIn(network);
}

async function runInside(network: SoakNetwork, flags: Flags): Promise<number> {
  const deployment = await deploy(network, flags.isolation);
  const verdict = new Verdict();
  try {
    await soak(deployment, verdict, flags);
  } finally {
    await deployment.close();
  }
  console.log(verdict.summary());
  return verdict.good ? 0 : 1;
}

async function soak(
  deployment: Deployment,
  verdict: Verdict,
  { minutes, seed, isolation }: Flags,
): Promise<void> {
  const random = seeded(seed);
  const { balancers } = deployment;
  const faults = new Faults(deployment, verdict, random, isolation);
  const removals = new Removals();
  const shared = { faults, removals, verdict, drainSeconds };
  const clients = new AbortController();
  const operators = new AbortController();
  const failing = new AbortController();
  const running = [
    runTraffic({ balancers, ...shared }, clients.signal),
    watchFences(faults, verdict, operators.signal),
    ...balancers.map((balancer, index) => {
      const own = { random: seeded(seed + index), ...shared };
      return runOperations(own, balancer, operators.signal);
    }),
  ];
  const telling = setInterval(() => console.log(verdict.line()), 60_000);
  const lengthMs = minutes * 60_000;
  await delay(lengthMs * 0.15);
  const first = sizesOf(deployment);
  const faulty = faults.run(failing.signal);
  await delay(lengthMs * 0.75);
  failing.abort();
  await faulty;
  await delay(lengthMs * 0.1);
  const last = sizesOf(deployment);
  operators.abort();
  clients.abort();
  await Promise.all(running);
  clearInterval(telling);
  for (const [name, size] of last) {
    const before = first.get(name)!;
    const { megabytes, descriptors } = size;
    console.log(
      `${name}: ${before.megabytes} to ${megabytes} MB,`,
      `${before.descriptors} to ${descriptors} descriptors`,
    );
    const much = grown(before, size);
    if (much !== '') verdict.fail('leaks', `${name}: ${much}`);
  }
}

/** What each process of Sluice takes now; HAProxy's processes count together. */
function sizesOf({ planes, agents, haproxies }: Deployment): ReadonlyMap<string, Size> {
  const pid = (each: (typeof planes)[0]) => each.running.process.pid!;
  return new Map([
    ...[...planes, ...agents].map((each) => [each.name, sizeOf([pid(each)])] as const),
    ...forwarders.map((number) => [`HAProxy ${number}`, sizeOf(haproxies(number))] as const),
  ]);
}

const { inside, ...flags } = readFlags();
if (inside === undefined) {
  process.exitCode = await runOutside(flags);
} else {
  const network = soakNetwork(inside);
  const orphaned = () => {
    rmSync(tmpdir(), { recursive: true, force: true });
    removeNetwork(network);
  };
  // The process that made the network is gone, and with it the one that would take it away.
  process.once('disconnect', orphaned);
  process.exitCode = await runInside(network, flags);
  process.off('disconnect', orphaned);
  process.disconnect?.();
}
