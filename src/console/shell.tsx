import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { session, signOut } from './session.ts';

/** What can be gone to from everywhere. */
const places = [
  { path: '/console/', text: 'Load balancers' },
  { path: '/console/explorer', text: 'Explorer' },
  { path: '/console/sites', text: 'Sites' },
  { path: '/console/monitors', text: 'Monitors' },
  { path: '/console/access', text: 'Access' },
  { path: '/console/audit', text: 'Audit' },
];

/** The frame of every page: where one is, who one is, and the way to the rest. */
export function Shell({ children }: { readonly children: ComponentChildren }) {
  return (
    <>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <header class="bar">
        <a class="brand" href="/console/">
          <img src="/console/icon.svg" alt="" width="24" height="24" />
          Sluice
        </a>
        <nav aria-label="Main">
          {places.map((place) => (
            <Place key={place.path} {...place} />
          ))}
          <a href="/docs/" target="_self">
            Docs
          </a>
        </nav>
        <Person />
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

function Place({ path, text }: (typeof places)[number]) {
  // The router's path ends in no slash.
  const { path: at } = useLocation();
  const isFirst = at === '/console' || at.startsWith('/console/load-balancers');
  const isHere = path === '/console/' ? isFirst : at.startsWith(path);
  const link = useRef<HTMLAnchorElement>(null);
  useEffect(() => {
    const { current: here } = link;
    const row = here?.parentElement;
    if (!isHere || !here || !row) return;
    // On a phone not all places fit, and the row scrolls. After scrollIntoView Tab would go on
    // from here, not from the top of the page.
    row.scrollLeft = here.offsetLeft - row.offsetLeft;
  }, [isHere]);
  return (
    <a ref={link} href={path} aria-current={isHere ? 'page' : undefined}>
      {text}
    </a>
  );
}

function Person() {
  const { name = '', account = '' } = session.value ?? {};
  return (
    <div class="person">
      <span title={`Account ${account}`}>{name}</span>
      <button type="button" class="quiet" onClick={() => void signOut()}>
        Sign out
      </button>
    </div>
  );
}
