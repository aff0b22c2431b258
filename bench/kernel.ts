import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kernelScene, plainTcp, udp } from '../test/support/kernel.ts';
import type { Machine } from '../test/support/namespaces.ts';
import { until } from '../test/support/wait.ts';
import { type Figure, perSecond } from './figure.ts';
import { fastBackend, haproxy, nginx, type Program } from './programs.ts';
import { inTurns, median, medianRatio } from './rounds.ts';

const clients = 64;
const seconds = 2;
const rounds = 5;
/** Where each of them listens. */
const ports = { web: 8_080, haproxy: 8_081, kernel: 8_082, nginx: 5_301, packets: 5_201 };

/**
 * Listeners in the kernel against HAProxy (TCP, new connections) and nginx's stream (UDP packets),
 * between a client, a forwarder and a server in network namespaces.
 */
export async function benchKernel(): Promise<Figure[]> {
  const ends: (() => unknown)[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'sluice-kernel-'));
  ends.push(() => rm(folder, { recursive: true, force: true }));
  try {
    const scene = await kernelScene({ after: (end) => void ends.push(end) });
    const { client, forwarder, backends, servers, address } = scene;
    const [backend] = backends;
    // So many connections a second that the usual ports would run out: those of HAProxy first.
    for (const machine of [client, forwarder]) {
      const range = 'net.ipv4.ip_local_port_range=1024 65535';
      machine.run('sysctl', '-qw', range, 'net.ipv4.tcp_tw_reuse=1');
    }
    const start = async (machine: Machine, program: Program) => {
      ends.push(await startIn(machine, folder, program));
    };
    await start(backend!, { ...fastBackend(ports.web, backend!.ip), port: ports.web });
    await start(backend!, iperfServer(ports.packets));
    const tcpTo = (from: number, to: number) => `
listen l${from}
  mode tcp
  bind ${address}:${from}
  server one ${backend!.ip}:${to}
`;
    const proxied = tcpTo(ports.haproxy, ports.web);
    await start(forwarder, haproxy('forwarder.cfg', proxied, ports.haproxy));
    const streams = `stream {
  server { listen ${address}:${ports.nginx}; proxy_pass ${backend!.ip}:${ports.packets}; }
  server { listen ${address}:${ports.nginx} udp; proxy_pass ${backend!.ip}:${ports.packets}; }
}`;
    await start(forwarder, nginx('forwarder.conf', streams, ports.nginx));
    const failures = await forwarder.ask('apply', {
      ...scene.balancer({
        backends: servers.slice(0, 1),
        listeners: [
          plainTcp(ports.kernel, { backendPort: ports.web }),
          plainTcp(ports.packets),
          udp(ports.packets),
        ],
      }),
    });
    if (failures.length > 0) throw new Error(failures[0]!.reason);
    return [await newConnections(client, address), await packets(client, address)];
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

async function newConnections(client: Machine, address: string): Promise<Figure> {
  const rate = (port: number) => async () => {
    const load = ['-t', '1', '-c', String(clients), '-d', `${seconds}s`];
    const url = `http://${address}:${port}`;
    const text = client.run('wrk', ...load, '-H', 'Connection: close', url);
    const found = /Requests\/sec:\s+([\d.]+)/.exec(text)?.[1];
    if (found === undefined || /Non-2xx/.test(text)) throw new Error(`wrk said:\n${text}`);
    return Number(found);
  };
  const rates = await inTurns(rounds, {
    kernel: rate(ports.kernel),
    haproxy: rate(ports.haproxy),
  });
  return {
    name: 'new TCP connections in the kernel / HAProxy',
    value: medianRatio(rates.kernel, rates.haproxy),
    aim: '>= 1.5',
    from: `${perSecond(median(rates.kernel))}, HAProxy ${perSecond(median(rates.haproxy))}`,
  };
}

/** Packets of 64 bytes that arrive at the server. */
async function packets(client: Machine, address: string): Promise<Figure> {
  const rate = (port: number) => async () => {
    const load = ['-u', '-b', '0', '-l', '64', '-t', String(seconds), '-J'];
    const text = client.run('iperf3', '-c', address, '-p', String(port), ...load);
    const { end } = JSON.parse(text) as {
      readonly end: {
        readonly sum: {
          readonly packets: number;
          readonly lost_packets: number;
          readonly seconds: number;
        };
      };
    };
    return (end.sum.packets - end.sum.lost_packets) / end.sum.seconds;
  };
  const rates = await inTurns(rounds, { kernel: rate(ports.packets), nginx: rate(ports.nginx) });
  return {
    name: 'UDP packets in the kernel / nginx stream',
    value: medianRatio(rates.kernel, rates.nginx),
    aim: '>= 3',
    from: `${perSecond(median(rates.kernel))}, nginx ${perSecond(median(rates.nginx))}`,
  };
}

function iperfServer(port: number): Program {
  const args = () => ['-s', '-p', String(port)];
  return { name: 'iperf', command: 'iperf3', args, config: '', port };
}

/** Starts a program in a machine's namespace and waits until it listens. */
async function startIn(machine: Machine, folder: string, program: Program): Promise<() => void> {
  const path = join(folder, program.name);
  await writeFile(path, program.config);
  const command = ['netns', 'exec', machine.namespace, program.command, ...program.args(path)];
  const child = spawn('ip', command, { stdio: 'ignore', detached: true });
  await until(() => machine.run('ss', '-Hltn', `sport = :${program.port}`) !== '', {
    what: program.name,
  });
  return () => void child.kill('SIGTERM');
}
