#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Terminal } from './cli/terminal.ts';
import { RpcClient } from './client.ts';
import type { Running } from './running.ts';
import type { Sample } from './sample.ts';
import { UsageError } from './usage.ts';

const terminal: Terminal = {
  environment: process.env,
  isTty: process.stdout.isTTY === true,
  write: (text) => process.stdout.write(text),
  warn: (text) => process.stderr.write(text),
  connect: (options) => new RpcClient(options),
};

/**
 * The command `sluice`. What a command does not need is not loaded: a call from the command line
 * starts no server code.
 * @returns the exit code
 */
async function main([command = 'help', ...args]: readonly string[]): Promise<number> {
  const wantsHelp = args.includes('--help');
  const { overview, settingsHelp } = await import('./cli/overview.ts');
  switch (command) {
    case 'up':
    case 'control-plane':
      if (!wantsHelp) return serve(command, args);
      terminal.write(settingsHelp(command));
      return 0;
    case 'forwarder':
      if (!wantsHelp) return forward(args);
      terminal.write(settingsHelp(command));
      return 0;
    case 'stop':
      return stopLeftRunning(args, wantsHelp);
    case 'keys':
    case 'backup':
    case 'restore': {
      const { runUpkeep } = await import('./upkeep/command.ts');
      await runUpkeep(command, args, process.env, terminal);
      return 0;
    }
    case 'version':
    case '--version':
      terminal.write(`${version()}\n`);
      return 0;
  }
  const [subject = ''] = args;
  if (
    command === '--help' ||
    (command === 'help' && ['', 'help', 'actions', 'version'].includes(subject))
  ) {
    terminal.write(overview(version()));
    return 0;
  }
  const { words } = await import('./cli/words.ts');
  if (command === 'help' && words.includes(subject)) return main([subject, '--help']);
  const { actions } = await import('./api/actions/index.ts');
  const { runCommand } = await import('./cli/commands.ts');
  return runCommand([command, ...args], actions, terminal, { now: Date.now, sleep });
}

async function serve(mode: 'up' | 'control-plane', args: readonly string[]): Promise<number> {
  const { readSettings } = await import('./settings.ts');
  const settings = readSettings(args, process.env);
  const stopAsked = stopSignal();
  const { up } = await import('./up.ts');
  const running = await up(settings, mode);
  terminal.write(`listening on ${running.endpoint}\n`);
  if (running.freshRootKey !== undefined) {
    const { accessKeyId, accessKeySecret } = running.freshRootKey;
    terminal.write(`root access key, shown this once: ${accessKeyId} ${accessKeySecret}\n`);
  }
  const withSample = settings.sample && mode === 'up';
  const sample = withSample ? await trySample(running, settings.dataFolder) : undefined;
  const link = sample && (await tryLink(running, settings.dataFolder));
  terminal.write(`ready\n${sample?.nextSteps ?? ''}${link ? browserStep(link) : ''}`);
  await stopAsked;
  await running.stop({ stopTraffic: settings.stopTraffic });
  await sample?.close();
  if (mode === 'up' && !settings.stopTraffic) terminal.write(trafficGoesOn(settings.dataFolder));
  return 0;
}

/** The last line of a process whose HAProxy outlives it. */
function trafficGoesOn(dataFolder: string): string {
  const where = dataFolder === resolve('data') ? '' : ` --data ${dataFolder}`;
  return `stopped; traffic goes on. This ends it too: npm run -s sluice -- stop${where}\n`;
}

/** `sluice stop`: ends what a Sluice that has stopped left running. */
async function stopLeftRunning(args: readonly string[], wantsHelp: boolean): Promise<number> {
  const { readStopSettings, stopHelp } = await import('./settings.ts');
  if (wantsHelp) {
    terminal.write(stopHelp);
    return 0;
  }
  const { dataFolder, addressInterface } = readStopSettings(args, process.env);
  const { stopLeft } = await import('./stop.ts');
  const { createLog } = await import('./running.ts');
  const stopped = await stopLeft(dataFolder, addressInterface, createLog('error'));
  const ended = [
    ...stopped.processes.map((pid) => `HAProxy (process ${pid})`),
    ...(stopped.listeners > 0 ? [`${stopped.listeners} listeners in the kernel`] : []),
    ...stopped.addresses.map((address) => `address ${address}`),
  ];
  const nothing = `nothing runs that a Sluice with ${dataFolder} left`;
  terminal.write(ended.length === 0 ? `${nothing}\n` : `ended: ${ended.join(', ')}\n`);
  return 0;
}

function browserStep(link: string): string {
  return `
Watch it in a browser on this machine. This link signs you in, once and within 15 minutes
(sluice console prints another):

  ${link}
`;
}

/** A link into the console for whoever started it; undefined where other machines call. */
async function tryLink({ endpoint, trust }: Running, dataFolder: string) {
  if (!/^https?:\/\/(127\.|localhost|\[::1\])/.test(endpoint)) return undefined;
  const { readRootAccessKey } = await import('./root-key.ts');
  const key = await readRootAccessKey(dataFolder);
  if (key === undefined) return undefined;
  const { consoleLink } = await import('./cli/console.ts');
  const client = new RpcClient({ endpoint, ...key, ...trust });
  try {
    return await consoleLink(client);
  } catch (error) {
    // As with the sample: it is no reason not to start.
    terminal.warn(`sluice: no link into the console: ${reasons(error)}\n`);
    return undefined;
  } finally {
    await client.close();
  }
}

async function forward(args: readonly string[]): Promise<number> {
  const { readForwarderSettings } = await import('./settings.ts');
  const settings = readForwarderSettings(args, process.env);
  const stopAsked = stopSignal();
  const { runForwarder } = await import('./forward.ts');
  const running = await runForwarder(settings);
  terminal.write('ready\n');
  await stopAsked;
  await running.stop({ stopTraffic: settings.stopTraffic });
  if (!settings.stopTraffic) terminal.write(trafficGoesOn(settings.dataFolder));
  return 0;
}

/** The sample, or undefined and a line that says why not: it is no reason not to start. */
async function trySample(running: Running, dataFolder: string): Promise<Sample | undefined> {
  const { startSample } = await import('./sample.ts');
  try {
    return await startSample(running, dataFolder);
  } catch (error) {
    terminal.warn(`sluice: no sample: ${reasons(error)}\n`);
    return undefined;
  }
}

/** Ctrl-C under npm arrives twice, from the terminal and from npm; later, a second one is meant. */
const twinSignalMs = 1_000;

/** Resolves at the first SIGTERM or SIGINT; a second one, meant, ends the process at once. */
function stopSignal(): Promise<void> {
  let askedAt: number | undefined;
  return new Promise((resolve) => {
    const asked = () => {
      if (askedAt !== undefined && performance.now() - askedAt > twinSignalMs) process.exit(1);
      askedAt ??= performance.now();
      resolve();
    };
    process.on('SIGTERM', asked);
    process.on('SIGINT', asked);
  });
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** An error's message and those of its causes. */
function reasons(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.message || error.name;
  return error.cause === undefined ? own : `${own}: ${reasons(error.cause)}`;
}

// `sluice actions | head` closes the pipe early, and that is fine.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  terminal.warn(`sluice: ${reasons(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
