import type { Confirmation, Standing } from '../fleet/fleet.ts';

/** What x-sluice-detail says of a change that was committed; undefined: every one has confirmed. */
export function detailOf(
  site: string,
  { missing, counted }: Confirmation,
  standings: readonly Standing[],
): string | undefined {
  const parts = missing.map(({ forwarder, reason }) => `${forwarder}: ${reason}`);
  for (const { forwarder, state, silentSince } of standings) {
    if (state === 'fenced') parts.push(`${forwarder}: fenced, silent since ${silentSince}`);
    if (state === 'left' && counted === 0) parts.push(`${forwarder}: stopped, it serves nothing`);
  }
  if (counted === 0 && parts.length === 0) {
    parts.push(
      `no forwarder is registered for ${site}: the change is stored and serves no traffic`,
    );
  }
  return parts.length === 0 ? undefined : parts.join('; ');
}
