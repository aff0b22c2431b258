import { setTimeout as delay } from 'node:timers/promises';
import { forwarderName, type Standing, standingsOf } from './deployment.ts';
import type { Faults } from './faults.ts';
import { forwarders } from './network.ts';
import type { Verdict } from './verdict.ts';

/** Between two looks: well below the shortest time that a forwarder stays fencing. Milliseconds. */
const lookEveryMs = 200;

/**
 * Looks at every forwarder, until `signal` aborts: one that is fencing or fenced while no fault
 * explains it counts against the run, once for as long as it stays so. What a forwarder refuses
 * meanwhile counts as failed requests.
 */
export async function watchFences(
  faults: Faults,
  verdict: Verdict,
  signal: AbortSignal,
): Promise<void> {
  const away = new Set<string>();
  for (let looks = 0; !signal.aborted; looks++) {
    const begun = performance.now();
    const clients = faults.wellClients();
    try {
      const standings = await standingsOf(clients[looks % clients.length]!);
      for (const each of standings) note(each, begun);
    } catch (error) {
      if (faults.explainsCall(begun)) verdict.explained += 1;
      else verdict.fail('failed calls', `DescribeForwarders: ${error}`);
    }
    await delay(lookEveryMs, undefined, { signal }).catch(() => {});
  }

  function note({ forwarder, state }: Standing, begun: number): void {
    if (state !== 'fencing' && state !== 'fenced') return void away.delete(forwarder);
    const number = forwarders.find((each) => forwarderName(each) === forwarder)!;
    if (away.has(forwarder) || faults.explains(number, begun)) return;
    away.add(forwarder);
    const under = `(under a fault: ${faults.current})`;
    verdict.fail('false fences', `${forwarder} is ${state} ${under}`);
  }
}
