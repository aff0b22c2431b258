import { SilentFleet } from '../test/support/silent-fleet.ts';
import { until } from '../test/support/wait.ts';
import type { Figure } from './figure.ts';
import { median } from './rounds.ts';

const rounds = 5;

/**
 * Two forwarders, of which one is stopped (SIGSTOP), and a removal right after that: with `serve`
 * the answer counts one of two, with `fence` it comes when the other surely refuses, one of one.
 */
export async function benchSilence(): Promise<Figure[]> {
  const serve = await answers('serve', '1/2');
  const fence = await answers('fence', '1/1');
  const list = (times: readonly number[]) => times.map((time) => time.toFixed(2)).join(', ');
  return [
    {
      name: 'removal beside a forwarder that was just stopped, policy serve, s',
      value: median(serve),
      aim: '<= 1.2',
      from: `counted as 1/2 each time; ${list(serve)} s`,
    },
    {
      name: 'the same, policy fence: gone everywhere, s',
      value: median(fence),
      aim: '<= 3',
      from: `counted as 1/1 each time; ${list(fence)} s`,
    },
  ];
}

/** Seconds until the answer of each round. */
async function answers(isolation: 'serve' | 'fence', counted: string): Promise<number[]> {
  const fleet = new SilentFleet();
  const times: number[] = [];
  try {
    await fleet.start(isolation);
    for (let round = 0; round < rounds; round++) {
      await fleet.settled();
      if (isolation === 'fence') {
        await until(() => fleet.fences(), { what: 'both forwarders to fence' });
      }
      const { process } = fleet.posts[1]!.forwarder;
      process.kill('SIGSTOP');
      const begun = performance.now();
      const { headers } = await fleet.change('RemoveBackendServers');
      times.push((performance.now() - begun) / 1000);
      process.kill('SIGCONT');
      const found = headers['x-sluice-applied'];
      if (found !== counted) throw new Error(`${isolation}: counted as ${found}, not ${counted}`);
    }
  } finally {
    await fleet.stop();
  }
  return times;
}
