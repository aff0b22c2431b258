import { useRef } from 'preact/hooks';
import type { WatchedDrain } from '../../sdk/live.ts';
import { keyOf } from './server-rows.ts';

/** The most sessions seen of each drain: what its progress is measured by. */
export type Peaks = ReadonlyMap<string, number>;

/** Forgets a drain when it is told of no more, as when its server comes back. */
export function usePeaks(drains: readonly WatchedDrain[]): Peaks {
  const peaks = useRef(new Map<string, number>());
  const present = new Set(drains.map(keyOf));
  for (const key of peaks.current.keys()) if (!present.has(key)) peaks.current.delete(key);
  for (const drain of drains) {
    const sessions = drain.Forwarders.reduce((total, { Sessions }) => total + Sessions, 0);
    const key = keyOf(drain);
    peaks.current.set(key, Math.max(peaks.current.get(key) ?? 0, sessions));
  }
  return peaks.current;
}
