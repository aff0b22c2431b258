import { openHaproxyEngine } from '../../src/forwarder/haproxy/engine.ts';
import { boundsFrom } from '../../src/forwarder/haproxy/old-worker-bounds.ts';
import { leaseClock } from '../../src/forwarder/lease-clock.ts';
import { limits } from '../../src/limits.ts';
import { attached, balancer, http } from './haproxy.ts';
import { silent } from './log.ts';

/** An agent as far as leases go, to be stopped and killed: `FOLDER PORT SERVER-PORT`. */
const [, , folder = '', port, serverPort] = process.argv;
const site = 'site-1';
const engine = await openHaproxyEngine({
  folder,
  now: Date.now,
  leaseNow: leaseClock,
  oldWorkers: boundsFrom({ memoryBytes: undefined, ageMs: 86_400_000 }),
  log: silent,
  certificateOf: () => undefined,
});
const server = { name: 's-1', ip: '127.0.0.1', port: Number(serverPort) };
const listeners = [http(Number(port))];
await engine.apply(balancer('lb-1', { site, listeners, backends: attached([server]) }));
// A guard that has to load waits longer than a lease runs: renewals go on meanwhile.
setInterval(() => void engine.renew(site, leaseClock() + limits.leaseMs), limits.leaseRenewMs);
await engine.guard(new Map([[site, leaseClock() + limits.leaseMs]]));
process.send!('guarded');
