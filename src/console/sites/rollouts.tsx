import { type Carrier, unfinished, untold } from './forwarders.ts';

/** The load balancers of a site whose last change is not everywhere: who is missing, and why. */
export function Rollouts({ carriers }: { readonly carriers: readonly Carrier[] }) {
  const missing = [...unfinished(carriers)];
  const more = untold(carriers);
  const live = carriers.filter(({ at }) => at?.State === 'live').length;
  return (
    <div role="status">
      <h3 class="flat">Rollouts</h3>
      {missing.length === 0 && (
        <p class="hint">
          {live === 0 ? 'No forwarder reports.' : 'Every change is on every forwarder.'}
        </p>
      )}
      <ul class="plain">
        {missing.map(([loadBalancer, lacking]) => (
          <li key={loadBalancer}>
            {loadBalancer === '*' ? (
              'Every load balancer'
            ) : (
              <a class="mono" href={`/console/load-balancers/${loadBalancer}`}>
                {loadBalancer}
              </a>
            )}{' '}
            is not confirmed by
            <ul>
              {lacking.map(({ forwarder, reason }) => (
                <li key={`${forwarder} ${reason}`}>
                  <strong>{forwarder}</strong>: {reason}
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ul>
      {more > 0 && <p class="hint">{more} more are not listed.</p>}
    </div>
  );
}
