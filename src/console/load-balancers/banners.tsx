import { useNow } from '../ui/now.ts';
import { secondsText } from './figures.ts';
import type { Watch } from './watch.ts';

/** Why what the page shows may not be so, or may not come about. */
export function Banners({ watch }: { readonly watch: Watch }) {
  const state = watch.state.value;
  const isAway = watch.line.value === 'away' && watch.trouble.value === undefined;
  return (
    <>
      {isAway && <Away at={watch.at.value} />}
      {!isAway && state?.Rollout.Frozen && (
        <p class="trouble" role="status">
          <strong>Changes are frozen</strong>: forwarders keep what they have until the freeze ends.
          Running listeners go on. <a href="/console/sites">Sites</a> ends it.
        </p>
      )}
    </>
  );
}

/** @param at when the last line came, in Unix milliseconds; undefined: none did */
function Away({ at }: { readonly at: number | undefined }) {
  const now = useNow(true);
  const seconds = at === undefined ? 0 : Math.max(0, Math.round((now - at) / 1_000));
  return (
    <p class="trouble" role="status">
      <strong>The control plane does not answer</strong>; this page tries again. Traffic goes on.
      {at !== undefined && (
        <>
          {' '}
          {/* A screen reader is not to hear every second. */}
          What is shown may be out of date
          <span aria-hidden="true">: {secondsText(seconds)} old</span>.
        </>
      )}
    </p>
  );
}
