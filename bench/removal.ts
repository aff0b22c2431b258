import { closeSync, fdatasyncSync, globSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { RpcClient } from '../src/client.ts';
import { RuntimeSocket } from '../src/forwarder/haproxy/runtime.ts';
import { parseServersState } from '../src/forwarder/haproxy/tables.ts';
import { startHttpServer, type TestBackend } from '../test/support/backends.ts';
import { type Load, startHttpLoad } from '../test/support/load.ts';
import { buildScene, type Scene } from '../test/support/scene.ts';
import { startSluice } from '../test/support/sluice.ts';
import { until } from '../test/support/wait.ts';
import { type Figure, ms } from './figure.ts';
import { median, medianRatio, quantile } from './rounds.ts';

const rounds = 8;
const perRound = 40;

/** A removal from call to confirmed answer against what it costs at the least; then under load. */
export async function benchRemoval(loadedRemovals: number): Promise<Figure[]> {
  const sluice = await startSluice();
  const servers = await Promise.all(['b-1', 'b-2', 'b-3'].map((name) => startHttpServer(name)));
  try {
    const scene = await buildScene(sluice.client, servers, [{ protocol: 'HTTP' }]);
    return [
      await quietly(sluice.client, scene, servers[0]!, sluice.dataFolder),
      ...(await underLoad(sluice.client, scene, servers, loadedRemovals)),
    ];
  } finally {
    await sluice.stop();
    await Promise.all(servers.map((server) => server.close()));
  }
}

async function quietly(client: RpcClient, scene: Scene, server: TestBackend, folder: string) {
  const all: number[] = [];
  const medians = { removal: [] as number[], fsync: [] as number[], command: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const times = await removalTimes(client, scene, server, perRound, '1/1');
    all.push(...times);
    medians.removal.push(median(times));
    medians.fsync.push(median(fsyncTimes(folder, perRound)));
    medians.command.push(median(await commandTimes(folder, perRound)));
  }
  const { removal, fsync, command } = medians;
  const least = fsync.map((time, round) => time + command[round]!);
  const parts = `fsync ${ms(median(fsync))}, set server ${ms(median(command))}`;
  return {
    name: 'removal to confirmed answer, p50 / (one fsync + one raw set server)',
    value: medianRatio(removal, least),
    aim: '<= 3',
    from: `${ms(median(all))} (p99 ${ms(quantile(all, 0.99))}), ${parts}`,
  };
}

/**
 * Removes a server and adds it again, so many times.
 * @param confirmed what every answer must say of the forwarders, such as `1/1`
 * @returns milliseconds from each removal's call to its answer
 */
export async function removalTimes(
  client: RpcClient,
  scene: Pick<Scene, 'loadBalancerId'>,
  server: { readonly name: string; readonly port: number },
  count: number,
  confirmed: string,
): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const begun = performance.now();
    const answered = await change(client, scene, 'RemoveBackendServers', server, confirmed);
    times.push(answered - begun);
    await change(client, scene, 'AddBackendServers', server, confirmed);
  }
  return times;
}

/** @returns when the answer came (performance.now()) */
async function change(
  client: RpcClient,
  { loadBalancerId }: Pick<Scene, 'loadBalancerId'>,
  action: string,
  { name, port }: { readonly name: string; readonly port: number },
  confirmed: string,
): Promise<number> {
  const answer = await client.call('Ens', action, {
    LoadBalancerId: loadBalancerId,
    BackendServers: [{ ServerId: name, Port: port }],
  });
  const at = performance.now();
  const applied = answer.headers['x-sluice-applied'];
  if (applied !== confirmed) throw new Error(`${action}: confirmed by ${applied}`);
  return at;
}

async function underLoad(
  client: RpcClient,
  scene: Scene,
  servers: readonly TestBackend[],
  count: number,
): Promise<Figure[]> {
  const address = { host: scene.address, port: scene.ports[0]! };
  const loads = [
    startHttpLoad({ ...address, clients: 8, keepAlive: true }),
    startHttpLoad({ ...address, clients: 4, keepAlive: false }),
  ];
  let late = 0;
  try {
    for (let i = 0; i < count; i++) {
      const server = servers[i % servers.length]!;
      const removed = await change(client, scene, 'RemoveBackendServers', server, '1/1');
      const seen = loads.map(({ observations }) => observations.length);
      await until(() => loads.every((load, at) => load.observations.length > seen[at]! + 8), {
        what: 'requests after the removal',
      });
      late += servedAfter(loads, seen, removed, server.name);
      await change(client, scene, 'AddBackendServers', server, '1/1');
    }
  } finally {
    await Promise.all(loads.map((load) => load.stop()));
  }
  const requests = loads.reduce((sum, load) => sum + load.observations.length, 0);
  const failures = loads.flatMap((load) => load.failures);
  return [
    {
      name: 'requests to the removed server begun after the 200',
      value: late,
      aim: '0',
      from: `${count} removals, ${requests} requests`,
    },
    {
      name: 'failed requests during these removals',
      value: failures.length,
      aim: '0',
      from: failures[0] ?? 'none',
    },
  ];
}

/** Requests begun after `since` that `name` answered; `seen` = observations before that. */
function servedAfter(loads: readonly Load[], seen: number[], since: number, name: string): number {
  return loads
    .flatMap(({ observations }, at) => observations.slice(seen[at]))
    .filter(({ begun, server }) => begun > since && server === name).length;
}

function fsyncTimes(folder: string, count: number): number[] {
  const path = join(folder, 'fsync');
  const file = openSync(path, 'w');
  const page = Buffer.alloc(4_096, 1);
  const times = Array.from({ length: count }, () => {
    const begun = performance.now();
    writeSync(file, page);
    fdatasyncSync(file);
    return performance.now() - begun;
  });
  closeSync(file);
  rmSync(path);
  return times;
}

/** Takes a server of HAProxy's out and in again, past Sluice. */
async function commandTimes(folder: string, count: number): Promise<number[]> {
  const paths = globSync(join(folder, 'forwarder', 'haproxy', 'worker-*.sock'));
  const generation = (path: string) => Number(/(\d+)\.sock$/.exec(path)?.[1]);
  const path = paths.sort((a, b) => generation(a) - generation(b)).at(-1);
  if (path === undefined) throw new Error('no socket of a HAProxy worker');
  const socket = new RuntimeSocket(path);
  const [state = ''] = await socket.run(['show servers state']);
  const { pool, name } = parseServersState(state).find((row) => row.probed)!;
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const begun = performance.now();
    await socket.run([`set server ${pool}/${name} state maint`]);
    times.push(performance.now() - begun);
    await socket.run([`set server ${pool}/${name} state ready`]);
  }
  return times;
}
