import type { Action } from '../api/actions/action.ts';
import { connect } from './connect.ts';
import { type ActionFlags, readActionFlags } from './flags.ts';
import { actionHelp } from './help.ts';
import { describeHeaders, printBody } from './output.ts';
import type { RpcCaller, Terminal } from './terminal.ts';

/**
 * `sluice <Action> --Parameter value …`: one signed call, its answer on standard output, what the
 * headers say on standard error.
 * @throws UsageError for what cannot be sent; the client's errors
 */
export async function runAction(
  action: Action,
  args: readonly string[],
  terminal: Terminal,
): Promise<void> {
  const flags = readActionFlags(action, args);
  if (flags.help) return terminal.write(actionHelp(action));
  const client = await connect(terminal, flags);
  try {
    await (action.stream === undefined ? callOnce : callStream)(action, flags, client, terminal);
  } finally {
    await client.close();
  }
}

async function callOnce(
  action: Action,
  { parameters, headers, output }: ActionFlags,
  client: RpcCaller,
  terminal: Terminal,
): Promise<void> {
  const answer = await client.call(action.product, action.name, parameters, { headers });
  terminal.write(printBody(answer.body, output));
  const said = describeHeaders(answer.headers);
  if (said !== undefined) terminal.warn(`${said}\n`);
}

/** Prints a stream's lines as they come, until the other side ends it or the process is stopped. */
async function callStream(
  action: Action,
  { parameters }: ActionFlags,
  client: RpcCaller,
  terminal: Terminal,
): Promise<void> {
  const { signal } = new AbortController();
  for await (const line of client.stream(action.product, action.name, parameters, signal)) {
    terminal.write(`${line}\n`);
  }
}
