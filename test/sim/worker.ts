import { parentPort, workerData } from 'node:worker_threads';
import { run } from './run.ts';

/**
 * Runs the seeds it is given, in a thread of its own: the hooks that the test runner puts on every
 * promise of its thread would cost as much again as the worlds do.
 */
const { seeds, tells } = workerData as { seeds: readonly number[]; tells: boolean };
const note = tells ? (text: string) => console.log(text) : undefined;
const begun = process.threadCpuUsage();
for (const seed of seeds) await run(seed, note);
const { user, system } = process.threadCpuUsage(begun);
parentPort?.postMessage({ cpuSeconds: (user + system) / 1_000_000 });
