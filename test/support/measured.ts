/**
 * A control plane that measures how long its event loop stands still. Started by a test as a
 * process of its own, with its data folder as argument; each message asks for the longest turn
 * since the last one, in milliseconds of the thread's own CPU time: what other processes of the
 * machine take from it is not its doing.
 */
import { readSettings } from '../../src/settings.ts';
import { up } from '../../src/up.ts';

const [dataFolder = ''] = process.argv.slice(2);
const flags = ['--listen', '127.0.0.1:0', '--data', dataFolder, '--metrics', 'off'];
const settings = readSettings([...flags, '--throttle', 'off'], process.env);
const running = await up(settings, 'control-plane');

let longest = 0;
let last = spent();
setInterval(() => {
  const now = spent();
  longest = Math.max(longest, now - last);
  last = now;
}, 1);

/** CPU milliseconds of this thread. */
function spent(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

process.on('message', () => {
  process.send?.(longest);
  longest = 0;
});
process.on('disconnect', () => process.exit(0));
process.send?.(running.endpoint);
