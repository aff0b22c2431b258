import type { WatchedDrain, WatchedRollout } from '../../sdk/live.ts';
import { plural } from './figures.ts';

/** How far a drain has come, as a person reads it. */
export interface Progress {
  /** Sessions over all forwarders; undefined until each has counted. */
  readonly left: number | undefined;
  /** The most that were seen. */
  readonly most: number;
  /** 0 to 1: sessions that have ended of the most that were seen. */
  readonly done: number;
  /** Until what is left is cut. */
  readonly secondsLeft: number;
  /**
   * How it ended; undefined while it goes on. cut: by an operator. over: by its deadline.
   * unknown: by its deadline, and a forwarder that does not report may have cut nothing.
   */
  readonly end?: 'drained' | 'cut' | 'over' | 'unknown';
}

/**
 * @param most the most sessions that were seen of it before
 * @param now Unix milliseconds by the control plane's clock
 */
export function progressOf(drain: WatchedDrain, most: number, now: number): Progress {
  const { Forwarders, Deadline, Over } = drain;
  const counted = Forwarders.length > 0 && Forwarders.every(({ Counted }) => Counted);
  const left = counted
    ? Forwarders.reduce((total, { Sessions }) => total + Sessions, 0)
    : undefined;
  const peak = Math.max(most, left ?? 0);
  const isPast = Date.parse(Deadline) <= now;
  return {
    left,
    most: peak,
    done: Over || peak === 0 ? Number(Over) : (peak - (left ?? peak)) / peak,
    secondsLeft: Math.max(0, Math.ceil((Date.parse(Deadline) - now) / 1000)),
    ...(Over ? { end: endOf(drain, left, isPast) } : {}),
  };
}

function endOf({ Forwarders, Cut }: WatchedDrain, left: number | undefined, isPast: boolean) {
  if (Forwarders.some(({ SilentSince }) => SilentSince !== '')) return 'unknown';
  if (Cut) return 'cut';
  return left === 0 && !isPast ? 'drained' : 'over';
}

/**
 * What a screen reader is told of a drain. It is told once a stage: at the beginning, when the
 * sessions are counted, once a quarter, and how it ended.
 */
export function announcementOf(
  server: string,
  { left, done, secondsLeft, end }: Progress,
): { readonly stage: string; readonly text: string } {
  if (end === 'drained') return { stage: end, text: `${server} has no session left.` };
  if (end === 'unknown') {
    return { stage: end, text: `A forwarder does not report: ${server} may have sessions left.` };
  }
  if (end === 'cut') return { stage: end, text: `The sessions of ${server} were cut.` };
  if (end === 'over') return { stage: end, text: `The drain of ${server} is over.` };
  if (left === undefined) {
    return { stage: 'begun', text: `${server} is removed. Its sessions are being counted.` };
  }
  const text = `${server}: ${plural(left, 'session')} left, cut in ${secondsLeft} seconds.`;
  return { stage: `quarter ${Math.floor(done * 4)}`, text };
}

/** `2 of 3 forwarders confirmed` and who is missing, each with its reason. */
export interface Confirmation {
  readonly applied: number;
  /** Forwarders that may serve the site. */
  readonly counted: number;
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
  /** Forwarders that do not count: fenced, or stopped. */
  readonly out: readonly { readonly name: string; readonly state: string }[];
}

export function confirmationOf({ Applied, Counted, Forwarders }: WatchedRollout): Confirmation {
  return {
    applied: Applied,
    counted: Counted,
    missing: Forwarders.filter((each) => each.Counted && !each.Applied).map((each) => ({
      name: each.ForwarderName,
      reason: each.Reasons.join('; ') || 'not applied yet',
    })),
    out: Forwarders.filter((each) => !each.Counted).map((each) => ({
      name: each.ForwarderName,
      state: each.State === 'left' ? 'stopped' : each.State,
    })),
  };
}
