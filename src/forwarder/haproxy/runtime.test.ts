import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RuntimeSocket, WorkerGone } from './runtime.ts';

/** A socket where every command gets the same answer. */
async function answering(t: TestContext, text: string): Promise<RuntimeSocket> {
  const folder = mkdtempSync(join(tmpdir(), 'runtime-'));
  const server = net.createServer((socket) => socket.on('data', () => socket.end(text)));
  t.after(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });
  const path = join(folder, 'master.sock');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return new RuntimeSocket(path);
}

for (const text of [
  "Can't find the target PID matching the prefix '@!42'\n",
  "Can't connect to the target CLI!\n",
  '',
]) {
  test(`a master that says ${JSON.stringify(text.trim())} has no such worker`, async (t) => {
    const socket = await answering(t, text);
    await assert.rejects(socket.run(['@!42 show info', '@!42 show stat']), WorkerGone);
    await assert.rejects(socket.run(['@!42 show info']), WorkerGone);
  });
}

test('an error of HAProxy is an answer; fewer answers than commands are a fault', async (t) => {
  const socket = await answering(t, 'No such server.\n\n');
  assert.deepEqual(await socket.run(['set server a/b state maint']), ['No such server.']);
  const broken = socket.run(['show info', 'show stat']);
  await assert.rejects(broken, (error) => !(error instanceof WorkerGone));
});
