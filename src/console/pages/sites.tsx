import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { call } from '../door.ts';
import { Carriers } from '../sites/carriers.tsx';
import { carriersOf, everySite, type Forwarder } from '../sites/forwarders.ts';
import { FreezeSwitch } from '../sites/freeze.tsx';
import { Instances } from '../sites/instances.tsx';
import { Isolation } from '../sites/isolation.tsx';
import { RegisterForwarder, RegisterSite } from '../sites/register.tsx';
import { Rollouts } from '../sites/rollouts.tsx';
import { useWatched } from '../sites/watched.ts';
import { useLoaded } from '../ui/loaded.ts';
import { timeText } from '../ui/time.ts';
import { Trouble } from '../ui/trouble.tsx';
import '../ui/facts.css';
import './sites.css';

interface Site {
  readonly EnsRegionId: string;
  readonly AddressPool: string;
  readonly CreateTime: string;
  readonly Isolation: string;
  readonly WhenAllIsolated: string;
}

interface SitesAnswer {
  readonly Sites: { readonly Site: readonly Site[] };
  readonly TotalCount: number;
}

/** The longest page of DescribeSites. */
const pageSize = 100;

async function listSites(): Promise<readonly Site[]> {
  const found: Site[] = [];
  for (let PageNumber = 1; ; PageNumber += 1) {
    const page = { PageNumber, PageSize: pageSize };
    const { body } = await call<SitesAnswer>('Sluice', 'DescribeSites', page);
    found.push(...body.Sites.Site);
    if (body.Sites.Site.length < pageSize) return found;
  }
}

async function listForwarders(): Promise<readonly Forwarder[]> {
  const { body } = await call<{ Forwarders: { Forwarder: readonly Forwarder[] } }>(
    'Sluice',
    'DescribeForwarders',
  );
  return body.Forwarders.Forwarder;
}

/** Which dialog is open, and for which site. */
type Asking = { readonly what: 'site' } | { readonly what: 'forwarder'; readonly site: string };

/** Every site: who carries it, how far they are, and what it has to balance to. */
export default function Sites() {
  const { news, trouble } = useWatched();
  const changes = useSignal(0);
  const asking = useSignal<Asking | undefined>(undefined);
  const sites = useLoaded(listSites, [news, changes.value]);
  const forwarders = useLoaded(listForwarders, [news, changes.value]);
  useEffect(() => {
    document.title = 'Sites – Sluice';
  }, []);
  const ask = (next: Asking | undefined) => () => {
    asking.value = next;
  };
  const changed = () => {
    asking.value = undefined;
    changes.value += 1;
  };
  const [found, all] = [sites.value.value, forwarders.value.value];
  return (
    <>
      <div class="row spread">
        <h1>Sites</h1>
        <div class="row">
          <button type="button" onClick={ask({ what: 'forwarder', site: everySite })}>
            Register forwarder of every site
          </button>
          <button type="button" class="main" onClick={ask({ what: 'site' })}>
            Register site
          </button>
        </div>
      </div>
      <FreezeSwitch news={news} />
      <Trouble error={sites.trouble.value ?? forwarders.trouble.value ?? trouble} />
      {found?.length === 0 && (
        <div class="card empty">
          <p>No site is registered.</p>
          <p>
            A site is an edge node: a pool of addresses and the forwarders that carry its traffic.
          </p>
        </div>
      )}
      {found && all
        ? found.map((site) => (
            <SiteCard
              key={site.EnsRegionId}
              site={site}
              forwarders={all}
              changed={changed}
              register={ask({ what: 'forwarder', site: site.EnsRegionId })}
            />
          ))
        : !(sites.trouble.value ?? forwarders.trouble.value) && <div class="card coming" />}
      {asking.value?.what === 'site' && <RegisterSite close={ask(undefined)} done={changed} />}
      {asking.value?.what === 'forwarder' && (
        <RegisterForwarder site={asking.value.site} close={ask(undefined)} done={changed} />
      )}
    </>
  );
}

interface CardProps {
  readonly site: Site;
  readonly forwarders: readonly Forwarder[];
  readonly changed: () => void;
  readonly register: () => void;
}

function SiteCard({ site, forwarders, changed, register }: CardProps) {
  const { EnsRegionId: id, AddressPool, CreateTime } = site;
  const carriers = carriersOf(id, forwarders);
  return (
    <section class="card site" aria-labelledby={`site-${id}`}>
      <div class="row spread">
        <h2 id={`site-${id}`} class="flat">
          {id}
        </h2>
        <button type="button" aria-label={`Register forwarder of ${id}`} onClick={register}>
          Register forwarder
        </button>
      </div>
      <dl class="facts">
        <dt>Address pool</dt>
        <dd class="mono">{AddressPool}</dd>
        <dt>Registered</dt>
        <dd>
          <time dateTime={CreateTime}>{timeText(CreateTime)}</time>
        </dd>
        <dt>When cut off</dt>
        <dd>
          <Isolation site={site} changed={changed} />
        </dd>
      </dl>
      <Carriers site={id} carriers={carriers} changed={changed} />
      <Rollouts carriers={carriers} />
      <Instances site={id} />
    </section>
  );
}
