import { Fragment } from 'preact';
import { decidingAddress, decidingOf } from '../access/decided.ts';
import { Dialog } from '../ui/dialog.tsx';
import { useLoaded } from '../ui/loaded.ts';
import { Trouble } from '../ui/trouble.tsx';
import { differenceOf, shortened } from './difference.ts';
import type { AuditEvent, Change } from './event.ts';
import { eventBy } from './look-up.ts';

interface Props {
  readonly id: string;
  /** The event, when the list has it. */
  readonly listed: AuditEvent | undefined;
  readonly close: () => void;
}

/** All of one event: who, from where, what, why it was allowed, before and after. */
export function Detail({ id, listed, close }: Props) {
  const found = useLoaded(async () => listed ?? (await eventBy(id)) ?? null, [id]);
  const event = listed ?? found.value.value;
  return (
    <Dialog wide title={event?.eventName ?? 'Event'} close={close}>
      <Trouble error={found.trouble.value} />
      {event === null && <p>The audit log has no such event any more, or never had.</p>}
      {event && <Whole event={event} />}
    </Dialog>
  );
}

function Whole({ event }: { readonly event: AuditEvent }) {
  const { additionalEventData: extra, userIdentity: who } = event;
  const deciding = decidingOf(extra.DecidedBy);
  const facts = [
    ['Time', extra.Time],
    ['Who', `${who.userName} (${who.type}), key ${who.accessKeyId}`],
    [
      'From',
      [event.sourceIpAddress, `over ${extra.Scheme}`, event.userAgent].filter(Boolean).join(', '),
    ],
    ['Request', event.eventId],
    ['Revision', String(extra.Revision)],
    ...(extra.DryRun ? [['Dry run', 'Nothing was changed.']] : []),
    ...(extra.Truncated ? [['Truncated', 'The record was too long: texts are cut.']] : []),
    ...(extra.OmittedCalls
      ? [['Not recorded', `${extra.OmittedCalls} refused calls before this one`]]
      : []),
    ...(extra.IgnoredServers.length > 0 ? [['Not attached', extra.IgnoredServers.join(', ')]] : []),
  ] as const;
  return (
    <div class="stack">
      {event.errorCode && (
        <p class="trouble">
          <strong>{event.errorCode}</strong> {event.errorMessage}
        </p>
      )}
      <dl class="facts">
        {facts.map(([title, text]) => (
          <Fragment key={title}>
            <dt>{title}</dt>
            <dd>{text}</dd>
          </Fragment>
        ))}
        <dt>Decided by</dt>
        <dd>
          {deciding ? <a href={decidingAddress(deciding)}>{extra.DecidedBy}</a> : extra.DecidedBy}
        </dd>
      </dl>
      <h3>What changed</h3>
      {extra.Changes.length === 0 && <p class="hint">Nothing was changed.</p>}
      {extra.Changes.map((change) => (
        <Changed key={change.Key} change={change} />
      ))}
      <Values title="Parameters, as sent" values={event.requestParameters} />
      {event.responseElements && <Values title="Answer" values={event.responseElements} />}
    </div>
  );
}

const marks = { gone: '−', new: '+', same: ' ' } as const;
const words = { gone: 'Before: ', new: 'After: ', same: '' } as const;

function Changed({ change }: { readonly change: Change }) {
  const { Key, Before, After } = change;
  const parts = shortened(differenceOf(change));
  return (
    <section>
      <p>
        <code>{Key}</code> was{' '}
        {Before === null ? 'made.' : After === null ? 'deleted.' : 'changed.'}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must take the keyboard. */}
      <pre class="difference" tabIndex={0}>
        {parts.map(({ kind, lines }, index) => (
          <span key={index} class={kind}>
            <span class="unseen">{words[kind]}</span>
            {lines.map((line) => `${marks[kind]} ${line}\n`).join('')}
          </span>
        ))}
      </pre>
    </section>
  );
}

interface ValuesProps {
  readonly title: string;
  readonly values: Readonly<Record<string, string>>;
}

function Values({ title, values }: ValuesProps) {
  const entries = Object.entries(values);
  if (entries.length === 0) return null;
  return (
    <section>
      <h3>{title}</h3>
      <dl class="facts">
        {entries.map(([name, value]) => (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd class="mono">{value}</dd>
          </Fragment>
        ))}
      </dl>
    </section>
  );
}
