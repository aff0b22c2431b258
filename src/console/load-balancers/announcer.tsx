import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { WatchedDrain } from '../../sdk/live.ts';
import { announcementOf, progressOf } from './drains.ts';
import type { Peaks } from './peaks.ts';
import { keyOf } from './server-rows.ts';

interface Props {
  readonly drains: readonly WatchedDrain[];
  readonly peaks: Peaks;
  readonly skew: number;
}

/**
 * Tells screen readers how drains go: when one begins, once a quarter, and how it ends. What was
 * over before the page came is no news.
 */
export function Announcer({ drains, peaks, skew }: Props) {
  const said = useSignal('');
  const stages = useSignal<ReadonlyMap<string, string> | undefined>(undefined);
  useEffect(() => {
    const now = Date.now() + skew;
    const news: string[] = [];
    const next = new Map<string, string>();
    for (const drain of drains) {
      const key = keyOf(drain);
      const progress = progressOf(drain, peaks.get(key) ?? 0, now);
      const { stage, text } = announcementOf(drain.ServerId, progress);
      next.set(key, stage);
      if (stages.value !== undefined && stages.value.get(key) !== stage) news.push(text);
    }
    stages.value = next;
    if (news.length > 0) said.value = news.join(' ');
  }, [drains]);
  return (
    <p class="unseen" aria-live="polite">
      {said}
    </p>
  );
}
