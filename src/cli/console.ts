import { parseFlags, UsageError } from '../usage.ts';
import { callFlags, connect } from './connect.ts';
import type { RpcCaller, Terminal } from './terminal.ts';
import { columns } from './text.ts';

/**
 * `sluice console`: prints a link that signs in at the console, once, as the access key's owner.
 * @throws UsageError for an unknown flag; the client's errors
 */
export async function runConsole(args: readonly string[], terminal: Terminal): Promise<void> {
  const { values, positionals } = parseFlags(args, callFlags);
  if (positionals[0] !== undefined) throw new UsageError(`unexpected ${positionals[0]}`);
  if (values.has('help')) return terminal.write(consoleHelp());
  const last = (name: string) => values.get(name)?.at(-1);
  const where = { endpoint: last('endpoint'), data: last('data'), ca: last('ca') };
  const client = await connect(terminal, where);
  try {
    terminal.write(`${await consoleLink(client)}\n`);
  } finally {
    await client.close();
  }
}

/**
 * A link that signs in at the console, once, from the control plane's own machine.
 * @throws the client's errors
 */
export async function consoleLink(client: Pick<RpcCaller, 'call' | 'endpoint'>): Promise<string> {
  const { body } = await client.call('Sluice', 'CreateConsoleTicket', {});
  const { Ticket } = body as { Ticket: string };
  return `${client.endpoint}/console/start?ticket=${Ticket}`;
}

function consoleHelp(): string {
  const table = columns(
    callFlags.map(({ name, value, text }) => [`--${name}${value ? ` ${value}` : ''}`, text]),
    '  ',
  );
  const about =
    'Prints a link that signs in at the console as the owner of the access key. It works once,\n' +
    "within 15 minutes, in a browser on the control plane's own machine.";
  return `sluice console  a link into the web console\n\n${about}\n\n${table}\n`;
}
