import dgram from 'node:dgram';
import http from 'node:http';
import net from 'node:net';
import type { HealthCheck } from '../../elb/types.ts';
import type { ProbeTarget } from './prober.ts';

/**
 * Makes one probe.
 * @param patience aborts when the probe has lasted as long as it may; no socket outlives that
 * @returns whether the server passed
 */
export type Probe = (target: ProbeTarget, patience: AbortSignal) => Promise<boolean>;

/** A probe of the kind that the target's health check names. */
export const probe: Probe = (target, patience) => {
  switch (target.health.kind) {
    case 'tcp':
      return probeTcp(target, patience);
    case 'http':
      return probeHttp(target, patience);
    case 'udp':
      return probeUdp(target, patience);
  }
};

function addressOf({ address, port, health }: ProbeTarget) {
  return { host: address, port: health.port ?? port };
}

/** Passed by a server that takes the connection, which is then reset so that no port lingers. */
function probeTcp(target: ProbeTarget, patience: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(addressOf(target));
    const end = (passed: boolean) => {
      patience.removeEventListener('abort', giveUp);
      // To reset one that still connects would be to wait until it has.
      if (socket.connecting) socket.destroy();
      else socket.resetAndDestroy();
      resolve(passed);
    };
    const giveUp = () => end(false);
    socket.on('connect', () => end(true));
    socket.on('error', () => end(false));
    patience.addEventListener('abort', giveUp);
  });
}

/** Passed by an answer whose status is of a class that counts. Its body is not read. */
function probeHttp(target: ProbeTarget, patience: AbortSignal): Promise<boolean> {
  const { health } = target;
  return new Promise((resolve) => {
    const request = http.request({
      ...addressOf(target),
      agent: false,
      method: health.method === 'get' ? 'GET' : 'HEAD',
      path: health.uri ?? '/',
      headers: { connection: 'close', ...(health.domain && { host: health.domain }) },
    });
    const end = (passed: boolean) => {
      patience.removeEventListener('abort', giveUp);
      request.destroy();
      resolve(passed);
    };
    const giveUp = () => end(false);
    request.on('response', ({ statusCode = 0 }) => end(counts(statusCode, health)));
    request.on('error', () => end(false));
    patience.addEventListener('abort', giveUp);
    request.end();
  });
}

function counts(status: number, { httpCode = 'http_2xx' }: HealthCheck): boolean {
  return httpCode.split(',').includes(`http_${Math.floor(status / 100)}xx`);
}

/**
 * With an expected reply: passed by that reply alone, as a whole datagram. Without one: failed by
 * an ICMP error (nobody has the port), passed by any reply and, as Classic SLB has it, by silence.
 */
function probeUdp(target: ProbeTarget, patience: AbortSignal): Promise<boolean> {
  const { request = '', expect } = target.health;
  const { host, port } = addressOf(target);
  return new Promise((resolve) => {
    const socket = dgram.createSocket(net.isIPv6(host) ? 'udp6' : 'udp4');
    let isOver = false;
    const end = (passed: boolean) => {
      if (isOver) return;
      isOver = true;
      patience.removeEventListener('abort', silence);
      socket.close();
      resolve(passed);
    };
    const silence = () => end(expect === undefined);
    socket.on('error', () => end(false));
    socket.on('message', (reply) => {
      // Another answer may follow: only patience tells that the right one does not come.
      if (expect === undefined || reply.toString('latin1') === expect) end(true);
    });
    patience.addEventListener('abort', silence);
    // Connected, since only such a socket hears of ICMP errors.
    socket.connect(port, host, () => {
      if (isOver) return;
      socket.send(request, (error) => {
        if (error !== null) end(false);
      });
    });
  });
}
