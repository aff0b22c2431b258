import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { limits } from '../limits.ts';
import { GroupWriter } from './sqlite-writer.ts';
import { type Commit, StoreUnavailable } from './store.ts';

const nothing = { ifRevision: new Map(), deletes: [] };
const commitOf = (key: string): Commit => ({ ...nothing, puts: [{ key, value: '1' }] });

/** A thread that runs this text for each message; `port` and `request` are at hand. */
function threadOf(body: string): Worker {
  const head = "const { parentPort: port } = require('node:worker_threads');";
  return new Worker(`${head} port.on('message', (request) => { ${body} });`, { eval: true });
}

const ignore = { onCommitted: () => {}, onLost: () => {} };

describe('group commit', () => {
  test('commits that come during a transaction share the next, within the bound', async () => {
    const sizes: number[] = [];
    const worker = threadOf(`
      if (request.kind === 'close') return port.close();
      const revisions = request.commits.map((_, index) => index + 1);
      port.postMessage({ kind: 'done', revisions, absent: [], size: request.commits.length });
    `);
    worker.on('message', ({ size }) => sizes.push(size));
    const writer = new GroupWriter(worker, ignore);
    const first = writer.commit(commitOf('first'));
    await new Promise((resolve) => setImmediate(resolve));
    const count = limits.groupCommit + 10;
    const others = Array.from({ length: count }, (_, index) => writer.commit(commitOf(`${index}`)));
    await Promise.all([first, ...others]);
    await writer.close();
    assert.deepEqual(sizes, [1, limits.groupCommit, 10]);
  });

  test('a thread that dies leaves its commits unknown and takes no more', async () => {
    const lost: StoreUnavailable[] = [];
    const worker = threadOf("throw new Error('boom')");
    const writer = new GroupWriter(worker, { ...ignore, onLost: (error) => lost.push(error) });
    const running = writer.commit(commitOf('running'));
    await new Promise((resolve) => setImmediate(resolve));
    const waiting = writer.commit(commitOf('waiting'));
    await assert.rejects(running, isUnavailable('unknown'));
    await assert.rejects(waiting, isUnavailable('nothing-changed'));
    await assert.rejects(writer.commit(commitOf('later')), isUnavailable('nothing-changed'));
    assert.match(lost[0]?.message ?? '', /boom/);
    assert.equal(lost.length, 1);
    await writer.close();
  });

  test('a thread that dies while the store closes does not hold the closing up', async () => {
    const worker = threadOf('process.exit(7)');
    const writer = new GroupWriter(worker, ignore);
    const running = writer.commit(commitOf('running'));
    const closing = writer.close();
    await assert.rejects(running, isUnavailable('unknown'));
    await closing;
  });

  test('a failed transaction fails its own commits; the next ones are answered', async () => {
    const worker = threadOf(`
      if (request.kind === 'close') return port.close();
      const full = request.commits[0].puts[0].key === 'full';
      port.postMessage(full
        ? { kind: 'failed', message: 'no room', outcome: 'nothing-changed' }
        : { kind: 'done', revisions: [1], absent: [] });
    `);
    const writer = new GroupWriter(worker, ignore);
    await assert.rejects(writer.commit(commitOf('full')), isUnavailable('nothing-changed'));
    assert.deepEqual(await writer.commit(commitOf('a')), { committed: true, revision: 1 });
    await writer.close();
  });

  test('past the bound of the queue a commit is refused at once', async () => {
    const worker = threadOf('');
    const writer = new GroupWriter(worker, ignore);
    const queued = Array.from({ length: limits.commitQueue }, () => writer.commit(commitOf('a')));
    await assert.rejects(writer.commit(commitOf('more')), isUnavailable('nothing-changed'));
    const outcomes = Promise.allSettled(queued);
    await worker.terminate();
    await outcomes;
    if (worker.threadId !== -1) await once(worker, 'exit');
  });
});

function isUnavailable(outcome: StoreUnavailable['outcome']) {
  return (error: unknown) => error instanceof StoreUnavailable && error.outcome === outcome;
}
