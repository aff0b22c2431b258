import { parseFlags, UsageError } from '../usage.ts';
import { callFlags, connect } from './connect.ts';
import type { RpcCaller, Terminal } from './terminal.ts';
import { columns } from './text.ts';

const commands = {
  export: {
    does: 'prints the audit log as JSON lines in the shape of ActionTrail, oldest first',
    flags: [
      { name: 'from', value: 'TIME', text: 'events from then on, such as 2026-11-24T08:00:00Z' },
      { name: 'to', value: 'TIME', text: 'events before then' },
      ...callFlags,
    ],
    run: exportEvents,
  },
  verify: {
    does: 'tells whether the audit log is as it was written, or what is wrong first (exit code 1)',
    flags: [
      { name: 'expect', value: 'SEAL', text: 'a seal that an earlier run printed: not to be gone' },
      ...callFlags,
    ],
    run: verify,
  },
};

type Given = (name: string) => string | undefined;

/**
 * `sluice audit export` and `sluice audit verify`.
 * @returns the exit code
 * @throws UsageError for an unknown command or flag; the client's errors
 */
export async function runAudit(
  [name = '', ...args]: readonly string[],
  terminal: Terminal,
): Promise<number> {
  if (name === '--help') return printHelp(terminal);
  if (name !== 'export' && name !== 'verify') {
    throw new UsageError(`sluice audit ${name}: it is export or verify`);
  }
  const { flags, run } = commands[name];
  const { values, positionals } = parseFlags(args, flags);
  if (positionals[0] !== undefined) throw new UsageError(`unexpected ${positionals[0]}`);
  if (values.has('help')) return printHelp(terminal);
  const given: Given = (flag) => values.get(flag)?.at(-1);
  const client = await connect(terminal, {
    endpoint: given('endpoint'),
    data: given('data'),
    ca: given('ca'),
  });
  try {
    return await run(client, given, terminal);
  } finally {
    await client.close();
  }
}

interface EventsAnswer {
  readonly Events: readonly object[];
  readonly NextToken: string;
}

async function exportEvents(client: RpcCaller, given: Given, terminal: Terminal): Promise<number> {
  let NextToken: string | undefined;
  do {
    const { body } = await client.call('Sluice', 'ExportAuditEvents', {
      StartTime: given('from'),
      EndTime: given('to'),
      MaxResults: 500,
      NextToken,
    });
    const page = body as EventsAnswer;
    terminal.write(page.Events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    NextToken = page.NextToken;
  } while (NextToken !== '');
  return 0;
}

interface VerifyAnswer {
  readonly Seals: number;
  readonly Records: number;
  readonly UnsealedRecords: number;
  readonly NewestSeal: string;
  readonly Fault?: { readonly Key: string; readonly Reason: string };
  readonly NextToken: string;
}

async function verify(client: RpcCaller, given: Given, terminal: Terminal): Promise<number> {
  const sum = { seals: 0, records: 0, unsealed: 0 };
  let NextToken: string | undefined;
  for (;;) {
    const ExpectedSeal = given('expect');
    const parameters = { ExpectedSeal, NextToken };
    const { body } = await client.call('Sluice', 'VerifyAuditRecords', parameters);
    const part = body as VerifyAnswer;
    sum.seals += part.Seals;
    sum.records += part.Records;
    sum.unsealed += part.UnsealedRecords;
    if (part.Fault !== undefined) {
      terminal.write(`NOT INTACT  ${part.Fault.Key}: ${part.Fault.Reason}\n`);
      return 1;
    }
    NextToken = part.NextToken;
    if (NextToken === '') {
      const counts = `${sum.records} records in ${sum.seals} seals, ${sum.unsealed} not sealed yet`;
      terminal.write(`ok  ${counts}\nnewest seal ${part.NewestSeal}\n`);
      return 0;
    }
    if (terminal.isTty) terminal.warn(`\r${sum.records} records`);
  }
}

function printHelp(terminal: Terminal): number {
  const sections = Object.entries(commands).map(([name, { does, flags }]) => {
    const rows = flags.map((flag) => [
      `--${flag.name}${'value' in flag ? ` ${flag.value}` : ''}`,
      flag.text,
    ]);
    return `sluice audit ${name}  ${does}\n\n${columns(rows, '  ')}\n`;
  });
  terminal.write(sections.join('\n'));
  return 0;
}
