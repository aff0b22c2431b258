import { useEffect } from 'preact/hooks';
import { lazy, Route, Router, useLocation } from 'preact-iso';
import { Explain } from '../access/explain.tsx';
import { GroupPage } from '../access/group.tsx';
import { Groups, Policies, Roles, Users } from '../access/lists.tsx';
import { UserPage } from '../access/user.tsx';
import '../ui/facts.css';
import './access.css';

/** These have the editor, which is larger than all else together. */
const PolicyPage = lazy(() => import('../access/policy.tsx'));
const NewPolicy = lazy(() => import('../access/new-policy.tsx'));
const RolePage = lazy(() => import('../access/role.tsx'));

const places = [
  { path: '/console/access', text: 'Users' },
  { path: '/console/access/groups', text: 'Groups' },
  { path: '/console/access/roles', text: 'Roles' },
  { path: '/console/access/policies', text: 'Policies' },
  { path: '/console/access/explain', text: 'Explain' },
];

/** Who may do what: users, groups, roles, policies, and why a call is allowed or denied. */
export default function Access() {
  const { path } = useLocation();
  const here = path.startsWith('/console/access/users') ? '/console/access' : path;
  useEffect(() => {
    document.title = 'Access – Sluice';
  }, []);
  return (
    <>
      <nav class="row within" aria-label="Access">
        {places.map((place) => {
          const isHere =
            place.path === '/console/access'
              ? here.replace(/\/$/, '') === place.path
              : here.startsWith(place.path);
          return (
            <a key={place.path} href={place.path} aria-current={isHere ? 'page' : undefined}>
              {place.text}
            </a>
          );
        })}
      </nav>
      <Router>
        <Route path="/" component={Users} />
        <Route path="/users/:name" component={UserPage} />
        <Route path="/groups" component={Groups} />
        <Route path="/groups/:name" component={GroupPage} />
        <Route path="/roles" component={Roles} />
        <Route path="/roles/:name" component={RolePage} />
        <Route path="/policies" component={Policies} />
        <Route path="/policies/new" component={NewPolicy} />
        <Route path="/policies/:type/:name" component={PolicyPage} />
        <Route path="/explain" component={Explain} />
        <Route default component={Users} />
      </Router>
    </>
  );
}
