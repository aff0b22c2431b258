import { useEffect } from 'preact/hooks';
import { ErrorBoundary, LocationProvider, lazy, Route, Router } from 'preact-iso';
import { SignIn } from './pages/sign-in.tsx';
import { resume, session } from './session.ts';
import { Shell } from './shell.tsx';

/** Each page is a file of its own, fetched when it is first shown. */
const Access = lazy(() => import('./pages/access.tsx'));
const Audit = lazy(() => import('./pages/audit.tsx'));
const LoadBalancers = lazy(() => import('./pages/load-balancers.tsx'));
const Monitor = lazy(() => import('./pages/monitor.tsx'));
const Monitors = lazy(() => import('./pages/monitors.tsx'));
const Sites = lazy(() => import('./pages/sites.tsx'));
const LoadBalancer = lazy(() => import('./pages/load-balancer.tsx'));
const Explorer = lazy(() => import('./pages/explorer.tsx'));
const NotFound = lazy(() => import('./pages/not-found.tsx'));

export function App() {
  useEffect(() => void resume(), []);
  if (session.value === undefined) return null;
  if (session.value === null) return <SignIn />;
  return (
    <LocationProvider scope="/console">
      <Shell>
        <ErrorBoundary>
          <Router>
            <Route path="/console/" component={LoadBalancers} />
            <Route path="/console/sites" component={Sites} />
            <Route path="/console/monitors" component={Monitors} />
            <Route path="/console/monitors/:id" component={Monitor} />
            <Route path="/console/load-balancers/:id" component={LoadBalancer} />
            <Route path="/console/explorer/:product?/:action?" component={Explorer} />
            <Route path="/console/access" component={Access} />
            <Route path="/console/access/*" component={Access} />
            <Route path="/console/audit" component={Audit} />
            <Route default component={NotFound} />
          </Router>
        </ErrorBoundary>
      </Shell>
    </LocationProvider>
  );
}
