import { type PastCall, pastCalls } from './history.ts';

/** What was called from this tab; each entry opens its form again. */
export function PastCalls({ open }: { readonly open: (address: string) => void }) {
  return (
    <section aria-label="History">
      {pastCalls.value.length === 0 && (
        <p class="empty">What you call from this tab is listed here until you close it.</p>
      )}
      <ol class="past-calls">
        {pastCalls.value.map((past) => (
          <li key={past.at.getTime()}>
            <Entry past={past} open={open} />
          </li>
        ))}
      </ol>
      <p class="hint">
        Kept in this tab alone, without secrets. <a href="/console/audit">The audit trail</a> has
        every call that changed something.
      </p>
    </section>
  );
}

function Entry({ past, open }: { readonly past: PastCall; readonly open: (to: string) => void }) {
  const address = `/console/explorer/${past.product}/${past.action}${past.query}`;
  return (
    <a
      href={address}
      onClick={(event) => {
        // A click with a key held down is the browser's to handle: it opens a tab or a window.
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        event.stopPropagation();
        open(address);
      }}
    >
      <span class="mono">{past.action}</span>
      <span class={`badge ${past.code === 'OK' ? 'good' : 'bad'}`}>{past.code}</span>
      {past.isDryRun && <span class="badge warn">dry run</span>}
      <small>
        <time datetime={past.at.toISOString()}>{past.at.toLocaleTimeString()}</time>,{' '}
        {Math.round(past.milliseconds)} ms
      </small>
    </a>
  );
}
