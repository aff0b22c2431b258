import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { type Sluice, startSluice } from './support/sluice.ts';

let sluice: Sluice;
before(async () => {
  sluice = await startSluice({ mode: 'control-plane' });
});
after(() => sluice?.stop());

/** How many slow clients at once, and how long they go on. */
const clients = 800;
const seconds = 20;

/** Runs slowhttptest to its end; what it says of the door. */
async function slowly(mode: readonly string[]): Promise<string> {
  const url = `${sluice.endpoint}/?Action=DescribeSites`;
  const pace = ['-c', String(clients), '-r', '400', '-i', '3', '-l', String(seconds), '-p', '5'];
  const child = spawn('slowhttptest', [...mode, ...pace, '-u', url, '-v', '1'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  await once(child, 'close');
  return stripVTControlCharacters(said);
}

const modes: readonly [string, readonly string[]][] = [
  ['headers', ['-H', '-x', '24']],
  ['bodies', ['-B', '-s', '8192', '-x', '10']],
  ['reading', ['-X', '-k', '3', '-n', '2', '-w', '10', '-y', '20', '-z', '8']],
];
for (const [what, mode] of modes) {
  test(`${clients} clients slow in ${what} take no answer from others`, async () => {
    let over = false;
    let answered = 0;
    const attack = slowly(mode).finally(() => {
      over = true;
    });
    while (!over) {
      await sluice.client.call('Sluice', 'DescribeSites', {});
      answered += 1;
      await new Promise((done) => setTimeout(done, 50));
    }
    const said = await attack;
    const most = [...said.matchAll(/connected:\s+(\d+)/g)].map(([, count]) => Number(count));
    assert.ok(Math.max(...most) > clients / 2, said);
    assert.ok(answered > 10, `${answered} calls answered`);
    assert.doesNotMatch(said, /service available:\s+NO/, said);
    assert.doesNotMatch(sluice.output(), /"level":(50|60)/);
  });
}
