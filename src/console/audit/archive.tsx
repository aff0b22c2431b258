import { useSignal } from '@preact/signals';
import { call } from '../door.ts';
import { useAttempt } from '../ui/attempt.ts';
import { Copy } from '../ui/copy.tsx';
import { Trouble } from '../ui/trouble.tsx';
import { type Filters, timesOf } from './filters.ts';

interface Verified {
  readonly Intact: boolean;
  readonly Records: number;
  readonly UnsealedRecords: number;
  readonly NewestSeal: string;
  readonly Fault?: { readonly Key: string; readonly Reason: string };
  readonly NextToken: string;
}

/** Whether the log is as it was written, asked part by part to its end, and told in words. */
export function Verify() {
  const said = useSignal('');
  const seal = useSignal('');
  const { busy, trouble, work } = useAttempt();
  const verify = async () => {
    seal.value = '';
    const progress = (records: number) => {
      said.value = `${count(records)} records looked at…`;
    };
    const found = await work(() => verifyAll(progress));
    said.value = found === undefined ? '' : wordsOf(found);
    seal.value = found?.NewestSeal ?? '';
  };
  return (
    <section class="stack">
      <div class="row">
        <button type="button" disabled={busy.value} onClick={() => void verify()}>
          Verify the whole log
        </button>
        <span role="status">{said}</span>
      </div>
      {seal.value !== '' && (
        <p class="row">
          <span>
            Newest seal <code class="secret">{seal}</code>
          </span>
          <Copy text={seal.value} what="the seal" />
          <small>
            Keep it elsewhere: <code>sluice audit verify --expect</code> shows later that nothing
            was cut off.
          </small>
        </p>
      )}
      <Trouble error={trouble.value} />
    </section>
  );
}

/** All parts, as one. @throws CallFailed */
async function verifyAll(progress: (records: number) => void): Promise<Verified> {
  let records = 0;
  let more = {};
  for (;;) {
    const { body } = await call<Verified>('Sluice', 'VerifyAuditRecords', more);
    records += body.Records;
    if (!body.Intact || body.NextToken === '') return { ...body, Records: records };
    progress(records);
    more = { NextToken: body.NextToken };
  }
}

function wordsOf({ Fault, Records, UnsealedRecords }: Verified): string {
  if (Fault !== undefined) return `Not as it was written: ${Fault.Key} is ${Fault.Reason}.`;
  return (
    `As it was written: ${count(Records)} sealed records, none altered, none missing; ` +
    `${count(UnsealedRecords)} not sealed yet, and not altered.`
  );
}

/** Events in one file of the page: some 100 MB; the command line takes any number. */
const mostExported = 50_000;

/** The events of the chosen time as JSON lines, in a file. */
export function Export({ filters }: { readonly filters: Filters }) {
  const said = useSignal('');
  const { busy, trouble, work } = useAttempt();
  const progress = (events: number) => {
    said.value = `${count(events)} events…`;
  };
  const save = async () => {
    const saved = await work(async () => {
      const { lines, isAll } = await exported(filters, progress);
      download(lines, 'sluice-audit.jsonl');
      return isAll
        ? `${count(lines.length)} events saved.`
        : `The oldest ${count(lines.length)} events saved; sluice audit export takes all.`;
    });
    said.value = saved ?? '';
  };
  return (
    <section class="stack">
      <div class="row">
        <button type="button" disabled={busy.value} onClick={() => void save()}>
          Export as JSON lines
        </button>
        <span role="status">{said}</span>
      </div>
      <small>
        All events of the chosen time, whatever else is chosen. For archives:{' '}
        <code>sluice audit export --from … --to …</code>
      </small>
      <Trouble error={trouble.value} />
    </section>
  );
}

/** @throws CallFailed */
async function exported(filters: Filters, progress: (events: number) => void) {
  const lines: string[] = [];
  const times = timesOf(filters, Date.now());
  let more = {};
  for (;;) {
    const { body } = await call<{ Events: readonly unknown[]; NextToken: string }>(
      'Sluice',
      'ExportAuditEvents',
      { ...times, MaxResults: 500, ...more },
    );
    for (const event of body.Events) lines.push(`${JSON.stringify(event)}\n`);
    if (body.NextToken === '') return { lines, isAll: true };
    if (lines.length >= mostExported) return { lines, isAll: false };
    progress(lines.length);
    more = { NextToken: body.NextToken };
  }
}

function download(parts: string[], name: string): void {
  const address = URL.createObjectURL(new Blob(parts, { type: 'application/jsonl' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}

function count(value: number): string {
  return value.toLocaleString('en');
}
