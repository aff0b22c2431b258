import type { Health } from './server-rows.ts';

/** What the probes say, in words: colour alone tells nobody. */
export function HealthBadge({ health: { healthy, probed } }: { readonly health: Health }) {
  if (probed === 0) return <span class="badge">Not probed</span>;
  if (healthy === probed) return <span class="badge good">Healthy</span>;
  if (healthy === 0) return <span class="badge bad">Unhealthy</span>;
  return (
    <span class="badge warn">
      {healthy} of {probed} healthy
    </span>
  );
}
