import { useEffect } from 'preact/hooks';
import { useLocation, useRoute } from 'preact-iso';
import { Banners } from '../load-balancers/banners.tsx';
import { Listeners } from '../load-balancers/listeners.tsx';
import { Overview } from '../load-balancers/overview.tsx';
import { Servers } from '../load-balancers/servers.tsx';
import { useWatch, type Watch } from '../load-balancers/watch.ts';
import { Trouble } from '../ui/trouble.tsx';
import '../load-balancers/load-balancer.css';

/** One load balancer: what it is, its listeners and its servers, as they are this moment. */
export default function LoadBalancer() {
  const { id = '' } = useRoute().params;
  const { route } = useLocation();
  const watch = useWatch(id);
  const state = watch.state.value;
  const name = state?.LoadBalancer.LoadBalancerName || id;
  useEffect(() => {
    document.title = `${name} – Sluice`;
  }, [name]);
  return (
    <>
      <nav aria-label="Where you are">
        <a href="/console/">Load balancers</a> / <span class="mono">{id}</span> ·{' '}
        <a href={`/console/monitors/${id}`}>Monitors</a>
      </nav>
      <Trouble error={watch.trouble.value} />
      <Gone watch={watch} />
      <Banners watch={watch} />
      {state === undefined ? (
        watch.line.value === 'opening' && <p class="loading">Loading…</p>
      ) : (
        <>
          <Overview state={state} watch={watch} left={() => route('/console/')} />
          <Servers state={state} skew={watch.skew.value} />
          <Listeners state={state} />
        </>
      )}
    </>
  );
}

/** Said when what is shown is no longer so. */
function Gone({ watch }: { readonly watch: Watch }) {
  if (watch.line.value !== 'deleted') return null;
  return (
    <p class="trouble" role="alert">
      This load balancer has been deleted. <a href="/console/">Go to the others</a>.
    </p>
  );
}
