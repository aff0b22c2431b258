/**
 * A process that commits to a SQLite store without end, several at a time, and prints each key
 * once its commit was answered. Its parent kills it. Argument: the file.
 */
import { once } from 'node:events';
import { openSqlite } from '../../src/store/sqlite.ts';
import { put } from './stores.ts';

const [, , path = ''] = process.argv;
const store = await openSqlite({ path });
const writers = 8;
const padding = 'x'.repeat(1_000);

async function write(writer: number): Promise<never> {
  for (let count = 0; ; count++) {
    const key = `${process.pid}/${writer}/${count}`;
    // Both keys of a commit are there, or neither.
    await put(store, [`a/${key}`, padding], [`b/${key}`, padding]);
    if (!process.stdout.write(`${key}\n`)) await once(process.stdout, 'drain');
  }
}

await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
