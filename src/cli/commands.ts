import type { Action } from '../api/actions/action.ts';
import { RpcError } from '../client.ts';
import { nearest, UsageError } from '../usage.ts';
import { runAudit } from './audit.ts';
import { runConsole } from './console.ts';
import { type Clock, runDrains } from './drains.ts';
import { actionHelp, actionList } from './help.ts';
import { describeError } from './output.ts';
import { runAction } from './run-action.ts';
import type { Terminal } from './terminal.ts';
import { words } from './words.ts';

/**
 * Runs `actions`, `audit`, `console`, `drains`, `help <Action>` or an action by its name.
 * @returns the exit code: 0, or 1 when the API answered an error or not at all, or the audit log
 *   is not as it was written
 * @throws UsageError for an unknown command or flag; what is neither the API's nor the network's
 */
export async function runCommand(
  argv: readonly string[],
  actions: readonly Action[],
  terminal: Terminal,
  clock: Clock,
): Promise<number> {
  try {
    return await run(argv, actions, terminal, clock);
  } catch (error) {
    const said = error instanceof RpcError ? describeError(error) : describeSilence(error);
    if (said === undefined) throw error;
    terminal.warn(said);
    return 1;
  }
}

async function run(
  [command = '', ...args]: readonly string[],
  actions: readonly Action[],
  terminal: Terminal,
  clock: Clock,
): Promise<number> {
  switch (command) {
    case 'audit':
      return runAudit(args, terminal);
    case 'console':
      await runConsole(args, terminal);
      return 0;
    case 'drains':
      await runDrains(args, terminal, clock);
      return 0;
    case 'actions':
      if (args.length > 0) throw new UsageError(`unexpected ${args[0]}`);
      terminal.write(actionList(actions));
      return 0;
    case 'help':
      terminal.write(actionHelp(find(args[0] ?? '', actions)));
      return 0;
    default:
      await runAction(find(command, actions), args, terminal);
      return 0;
  }
}

/** Why there was no answer; undefined for an error that is not the network's. */
function describeSilence(error: unknown): string | undefined {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined || !/^(E[A-Z]+|UND_ERR_\w+|\w*CERT\w*|UNABLE_TO_\w+)$/.test(code)) {
    return undefined;
  }
  const isUntrusted = /CERT|UNABLE_TO_/.test(code);
  const hint =
    code === 'ECONNREFUSED'
      ? ' (is Sluice running? npm start starts it)'
      : isUntrusted
        ? ' (--ca FILE names the authorities to trust)'
        : '';
  return `sluice: no answer from the API: ${message || code}${hint}\n`;
}

function find(name: string, actions: readonly Action[]): Action {
  const found = actions.find((action) => action.name === name);
  if (found !== undefined) return found;
  const near = nearest(name, [...actions.map((action) => action.name), ...words]);
  const hint = near.length === 0 ? 'sluice actions lists all' : `did you mean ${near.join(', ')}?`;
  throw new UsageError(`no command or action ${name}: ${hint}`);
}
