import { closeSync, fdatasyncSync, globSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { RuntimeSocket } from '../src/forwarder/haproxy/runtime.ts';
import { startHttpServer } from '../test/support/backends.ts';
import { startHttpLoad } from '../test/support/load.ts';
import { buildScene } from '../test/support/scene.ts';
import { type Sluice, startSluice } from '../test/support/sluice.ts';
import type { Figure } from './figure.ts';
import { median, quantile } from './wrk.ts';

const quietRemovals = 200;

/** A removal from the call to its confirmed answer, and what it costs at the least. */
export async function benchRemoval(loadedRemovals = 200): Promise<Figure[]> {
  const sluice = await startSluice();
  const servers = await Promise.all(['b-1', 'b-2', 'b-3'].map((name) => startHttpServer(name)));
  try {
    const scene = await buildScene(sluice.client, servers, [{ protocol: 'HTTP' }]);
    const quiet = await removals(sluice, scene.loadBalancerId, servers[0]!, quietRemovals);
    const fsync = median(fsyncTimes(sluice.dataFolder));
    const raw = median(await rawCommands(sluice.dataFolder));
    const load = startHttpLoad({
      host: scene.address,
      port: scene.ports[0]!,
      clients: 8,
      keepAlive: true,
    });
    const loaded = await removals(sluice, scene.loadBalancerId, servers[0]!, loadedRemovals);
    await load.stop();
    const late = load.observations.filter(({ begun, server }) =>
      loaded.gone.some(([from, to]) => server === 'b-1' && begun > from && begun < to),
    );
    const p50 = median(quiet.times);
    const ms = (value: number) => `${value.toFixed(2)} ms`;
    return [
      {
        name: 'removal to confirmed answer, p50 / (fsync + raw set server)',
        value: p50 / (fsync + raw),
        aim: '<= 3',
        from: [
          `${ms(p50)}; p99 ${ms(quantile(quiet.times, 0.99))}`,
          `fsync ${ms(fsync)}, set server ${ms(raw)}`,
        ].join('; '),
      },
      {
        name: 'requests to the removed server begun after the 200',
        value: late.length,
        aim: '0',
        from: `${loadedRemovals} removals, ${load.observations.length} requests`,
      },
      {
        name: 'failed requests during these removals',
        value: load.failures.length,
        aim: '0',
        from: load.failures[0] ?? 'none',
      },
    ];
  } finally {
    await Promise.all(servers.map((server) => server.close()));
    await sluice.stop();
  }
}

/** Removes and adds one server in turn; milliseconds of each removal, and when it was out. */
async function removals(
  { client }: Sluice,
  LoadBalancerId: string,
  { name, port }: { readonly name: string; readonly port: number },
  count: number,
) {
  const call = (action: string) =>
    client.call('Ens', action, {
      LoadBalancerId,
      BackendServers: [{ ServerId: name, Port: port }],
    });
  const times: number[] = [];
  const gone: [from: number, to: number][] = [];
  for (let i = 0; i < count; i++) {
    const begun = performance.now();
    const answer = await call('RemoveBackendServers');
    const answered = performance.now();
    if (answer.headers['x-sluice-applied'] !== '1/1') throw new Error('not confirmed');
    times.push(answered - begun);
    gone.push([answered, performance.now()]);
    await call('AddBackendServers');
  }
  return { times, gone };
}

function fsyncTimes(folder: string): number[] {
  const path = join(folder, 'fsync');
  const file = openSync(path, 'w');
  const times = Array.from({ length: 200 }, () => {
    const begun = performance.now();
    writeSync(file, Buffer.alloc(4_096, 1));
    fdatasyncSync(file);
    return performance.now() - begun;
  });
  closeSync(file);
  rmSync(path);
  return times;
}

async function rawCommands(folder: string): Promise<number[]> {
  const [path] = globSync(join(folder, 'forwarder', 'haproxy', 'worker-*.sock'));
  if (path === undefined) throw new Error('no socket of a HAProxy worker');
  const socket = new RuntimeSocket(path);
  const times: number[] = [];
  for (let i = 0; i < 200; i++) {
    const begun = performance.now();
    await socket.run(['set server none/none state maint']);
    times.push(performance.now() - begun);
  }
  return times;
}

if (import.meta.main) console.table(await benchRemoval());
