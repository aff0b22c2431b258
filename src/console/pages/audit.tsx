import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { Export, Verify } from '../audit/archive.tsx';
import { Detail } from '../audit/detail.tsx';
import type { AuditEvent } from '../audit/event.ts';
import { addressOf, type Filters, noFilters, readFilters } from '../audit/filters.ts';
import { lookUp } from '../audit/look-up.ts';
import { Narrow } from '../audit/narrow.tsx';
import { Table } from '../ui/table.tsx';
import { Trouble } from '../ui/trouble.tsx';
import '../ui/facts.css';
import './audit.css';

/** Events that the page holds; past them a person narrows what is looked for. */
const most = 1_000;
/** How often a page that is looked at asks whether there is something new. */
const newsMs = 20_000;

/** The audit trail: who did what, when, from where, and why it was allowed. */
export default function Audit() {
  const { query, route } = useLocation();
  const filters = readFilters(query);
  const address = addressOf(filters);
  const trail = useTrail(filters, address);
  const { events, token, busy, trouble, news } = trail;
  const open = query.event ?? '';
  useEffect(() => {
    document.title = 'Audit – Sluice';
  }, []);
  const isAll = token === undefined && !busy;
  return (
    <>
      <h1>Audit trail</h1>
      <Narrow key={address} filters={filters} show={(next) => route(addressOf(next))} />
      <Trouble error={trouble} />
      <div class="row spread">
        <span class="hint" role="status">
          {busy ? 'Loading…' : `${events.length.toLocaleString('en')} events`}
          {!isAll && !busy && ' so far'}
        </span>
        <button type="button" onClick={trail.again}>
          {news === 0 ? 'Refresh' : `Show ${news} new`}
        </button>
      </div>
      <div class="trail">
        {isAll && events.length === 0 && trouble === undefined && <Nothing filters={filters} />}
        {events.length > 0 && <Events events={events} addressOf={(id) => addressOf(filters, id)} />}
        {token !== undefined && events.length < most && (
          <p class="row">
            <button type="button" disabled={busy} onClick={trail.further}>
              Look further back
            </button>
          </p>
        )}
        {events.length >= most && (
          <p class="hint">The page holds no more: choose an earlier time, or export.</p>
        )}
      </div>
      <section class="card stack">
        <h2>Keep and verify</h2>
        <Export filters={filters} />
        <Verify />
      </section>
      {open !== '' && (
        <Detail
          id={open}
          listed={events.find(({ eventId }) => eventId === open)}
          close={() => route(address, true)}
        />
      )}
    </>
  );
}

/** What the trail has for the filters, as far as a person has looked back. */
function useTrail(filters: Filters, address: string) {
  const events = useSignal<readonly AuditEvent[]>([]);
  const token = useSignal<string | undefined>(undefined);
  const busy = useSignal(true);
  const trouble = useSignal<unknown>(undefined);
  const news = useSignal(0);
  const turns = useSignal(0);
  const current = useRef<AbortSignal>(new AbortController().signal);
  const look = async (from: string | undefined, signal: AbortSignal) => {
    busy.value = true;
    trouble.value = undefined;
    try {
      const found = await lookUp(filters, from, signal);
      if (signal.aborted) return;
      const before = from === undefined ? [] : events.value;
      events.value = [...before, ...found.events].slice(0, most);
      token.value = found.token;
      news.value = 0;
    } catch (error) {
      if (signal.aborted) return;
      trouble.value = error;
    }
    busy.value = false;
  };
  const lookForNews = async (signal: AbortSignal) => {
    if (document.hidden || busy.value || trouble.value !== undefined) return;
    const newest = events.value[0]?.eventId;
    // What cannot be asked now is asked next time; looking does not disturb who reads.
    const found = await lookUp(filters, undefined, signal).catch(() => undefined);
    if (found === undefined || signal.aborted || events.value[0]?.eventId !== newest) return;
    const known = found.events.findIndex(({ eventId }) => eventId === newest);
    news.value = known === -1 ? found.events.length : known;
  };
  useEffect(() => {
    const ending = new AbortController();
    current.current = ending.signal;
    void look(undefined, ending.signal);
    // Past times get no news.
    const timer = filters.to === '' && setInterval(() => void lookForNews(ending.signal), newsMs);
    return () => {
      ending.abort();
      if (timer !== false) clearInterval(timer);
    };
  }, [address, turns.value]);
  return {
    ...{ events: events.value, token: token.value, busy: busy.value, trouble: trouble.value },
    news: news.value,
    again: () => {
      turns.value += 1;
    },
    further: () => void look(token.value, current.current),
  };
}

interface EventsProps {
  readonly events: readonly AuditEvent[];
  readonly addressOf: (id: string) => string;
}

function Events({ events, addressOf }: EventsProps) {
  return (
    <Table titles={['Time', 'Action', 'Resource', 'Who', 'From', 'Result']}>
      {events.map((event) => (
        <tr key={event.eventId}>
          <td class="when">{event.additionalEventData.Time.slice(0, 19).replace('T', ' ')}</td>
          <td>
            <a href={addressOf(event.eventId)}>{event.eventName}</a>
          </td>
          <td class="mono">
            {Object.values(event.referencedResources).flat().slice(0, 3).join(', ')}
          </td>
          <td>{event.userIdentity.userName}</td>
          <td class="mono">{event.sourceIpAddress}</td>
          <td>
            {event.errorCode ? (
              <span class="badge bad">{event.errorCode}</span>
            ) : (
              <span class="badge good">Done</span>
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Nothing({ filters }: { readonly filters: Filters }) {
  const isUsual = addressOf(filters) === addressOf(noFilters);
  return (
    <div class="card empty">
      <p>{isUsual ? 'Nothing has been changed in 7 days.' : 'No event matches.'}</p>
      <p>Reads are recorded only where Sluice was started with --audit reads.</p>
      {!isUsual && <a href="/console/audit">Show the last 7 days</a>}
    </div>
  );
}
