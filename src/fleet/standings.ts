import type { Members } from './members.ts';
import type { Registry } from './registry.ts';
import type { Applied, Reports } from './reports.ts';

/**
 * How one forwarder and one site stand to each other. `live`: it reports. `unseen`: registered,
 * and it has never been sent the site. The rest is as in `Member`.
 */
export interface Standing {
  readonly forwarder: string;
  readonly state: 'live' | 'silent' | 'fencing' | 'fenced' | 'left' | 'unseen';
  /** It may serve the site, so that answers count it. */
  readonly counted: boolean;
  /** Its engines refuse traffic when its lease ends. */
  readonly fences: boolean;
  /** UTC; since when it has not reported. Empty: it reports, or that is not known. */
  readonly silentSince: string;
  /** What it reported last, while it is live. */
  readonly applied: Applied | undefined;
}

interface Parts {
  readonly registry: Registry;
  readonly members: Members;
  readonly reports: Reports;
}

/**
 * Tells who may serve a site: every registered forwarder, and every other one that was sent the
 * site, until it has left or its lease has run out. Who does not report stays in.
 */
export class Standings {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** In the order of their names. */
  of(site: string): readonly Standing[] {
    const { registry, members } = this.#parts;
    const names = new Set(registry.forwardersOf(site));
    for (const [forwarder, { state }] of members.of(site)) {
      if (state !== 'left') names.add(forwarder);
    }
    return [...names].sort().map((forwarder) => this.find(site, forwarder));
  }

  find(site: string, forwarder: string): Standing {
    const { registry, members, reports } = this.#parts;
    const member = members.find(site, forwarder);
    const isRegistered = registry.forwardersOf(site).has(forwarder);
    const state = member?.state ?? (isRegistered ? 'unseen' : 'left');
    const counted = state === 'unseen' || state === 'serving' || state === 'fencing';
    const applied = counted ? reports.of(site).get(forwarder)?.applied : undefined;
    const reporting = applied !== undefined && state !== 'fencing';
    return {
      forwarder,
      state: reporting ? 'live' : state === 'serving' ? 'silent' : state,
      counted,
      fences: member?.fences ?? false,
      silentSince: reporting ? '' : (member?.silentSince ?? reports.lastReport(site, forwarder)),
      applied,
    };
  }
}
