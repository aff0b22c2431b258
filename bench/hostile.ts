import type { RpcClient } from '../src/client.ts';
import { limits } from '../src/limits.ts';
import { v1Request } from '../test/support/door.ts';
import { startFlood } from '../test/support/flood.ts';
import { startSluice } from '../test/support/sluice.ts';
import { until } from '../test/support/wait.ts';
import { type Figure, ms } from './figure.ts';

const calls = 600;

/** What one caller waits while 300 connections from another address call with an unknown key. */
export async function benchHostile(): Promise<Figure[]> {
  const environment = { SLUICE_THROTTLE: 'documented' };
  const sluice = await startSluice({ mode: 'control-plane', flags: [], environment });
  try {
    await slowest(sluice.client);
    const quiet = await slowest(sluice.client);
    const { host } = new URL(sluice.endpoint);
    const body = `a=${'%ff'.repeat(limits.formBytesV1 / 3 - 100)}`;
    const type = 'application/x-www-form-urlencoded';
    const key = { id: 'LTAI5tNobodyHasThisKey01', secret: 'x' };
    const flood = startFlood({
      endpoint: sluice.endpoint,
      connections: 300,
      localAddress: '127.0.0.2',
      request: () => {
        const { method, url, headers } = v1Request('DescribeLoadBalancers', {}, { key });
        return { method, path: url, headers: { ...headers, host, 'content-type': type }, body };
      },
    });
    try {
      await until(() => (flood.answers.get('Throttling') ?? 0) > 300, { what: 'the flood' });
      const hostile = await slowest(sluice.client);
      const from = `p99 ${ms(hostile)}, quiet ${ms(quiet)}`;
      const name = 'p99 of a caller under 300 hostile connections / quiet';
      return [{ name, value: hostile / quiet, aim: '<= 2', from }];
    } finally {
      flood.stop();
    }
  } finally {
    await sluice.stop();
  }
}

/** The p99 of calls one by one, paced below the documented rate, in milliseconds. */
async function slowest(client: RpcClient): Promise<number> {
  const times: number[] = [];
  for (let call = 0; call < calls; call++) {
    const begun = performance.now();
    await client.call('Sluice', 'DescribeSites', {});
    times.push(performance.now() - begun);
    await new Promise((done) => setTimeout(done, 6));
  }
  return times.sort((one, other) => one - other)[Math.floor(calls * 0.99)]!;
}
