import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { call } from '../door.ts';
import { listSites } from '../load-balancers/choices.ts';
import { CreateLoadBalancer } from '../load-balancers/create.tsx';
import { DeleteLoadBalancer } from '../load-balancers/delete.tsx';
import { Filters } from '../load-balancers/filters.tsx';
import {
  addressOf,
  type ListState,
  pagesOf,
  parametersOf,
  rangeText,
  readState,
} from '../load-balancers/list-state.ts';
import { useChanges } from '../load-balancers/watch-all.ts';
import { useLoaded } from '../ui/loaded.ts';
import { timeText } from '../ui/time.ts';
import { Trouble } from '../ui/trouble.tsx';
import './load-balancers.css';

interface Listed {
  readonly LoadBalancerId: string;
  readonly LoadBalancerName: string;
  readonly LoadBalancerStatus: string;
  readonly EnsRegionId: string;
  readonly Address: string;
  readonly CreateTime: string;
  readonly ListenerCount: number;
  readonly ServerCount: number;
  readonly DrainingCount: number;
}

interface Answer {
  readonly LoadBalancers: { readonly LoadBalancer: readonly Listed[] };
  readonly TotalCount: number;
}

/** Every load balancer of the account, a page at a time. */
export default function LoadBalancers() {
  const { query, route } = useLocation();
  const state = readState(query);
  const creating = useSignal(false);
  const deleting = useSignal<Listed | undefined>(undefined);
  const sites = useLoaded(listSites, []);
  const shown = useSignal<ReadonlySet<string>>(new Set());
  const changes = useChanges(shown);
  const answer = useLoaded(async () => {
    const { body } = await call<Answer>('Sluice', 'ListLoadBalancers', parametersOf(state));
    shown.value = new Set(body.LoadBalancers.LoadBalancer.map((each) => each.LoadBalancerId));
    return body;
  }, [addressOf(state), changes.value]);
  useEffect(() => {
    document.title = 'Load balancers – Sluice';
  }, []);
  /** The page begins anew unless it is what changes. */
  const show = (change: Partial<ListState>) => route(addressOf({ ...state, page: 1, ...change }));
  const siteIds = sites.value.value ?? [];
  return (
    <>
      <div class="row spread title">
        <h1>Load balancers</h1>
        <button
          type="button"
          class="main"
          disabled={siteIds.length === 0}
          onClick={() => {
            creating.value = true;
          }}
        >
          Create load balancer
        </button>
      </div>
      <Filters state={state} sites={siteIds} show={show} />
      <Trouble error={answer.trouble.value ?? sites.trouble.value} />
      {answer.value.value && <Page answer={answer.value.value} state={state} deleting={deleting} />}
      {answer.trouble.value === undefined && (
        <>
          {answer.value.value === undefined && <div class="scroll room" />}
          <Pager total={answer.value.value?.TotalCount} state={state} show={show} />
        </>
      )}
      {creating.value && (
        <CreateLoadBalancer
          sites={siteIds}
          close={() => {
            creating.value = false;
          }}
        />
      )}
      {deleting.value && (
        <DeleteLoadBalancer
          id={deleting.value.LoadBalancerId}
          name={deleting.value.LoadBalancerName || deleting.value.LoadBalancerId}
          close={() => {
            deleting.value = undefined;
          }}
          done={() => {
            deleting.value = undefined;
            changes.value += 1;
          }}
        />
      )}
    </>
  );
}

interface PageProps {
  readonly answer: Answer;
  readonly state: ListState;
  readonly deleting: Signal<Listed | undefined>;
}

function Page({ answer, state, deleting }: PageProps) {
  const { LoadBalancer: listed } = answer.LoadBalancers;
  if (listed.length === 0) return <Nothing state={state} />;
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Load balancer</th>
            <th scope="col">Status</th>
            <th scope="col">Address</th>
            <th scope="col" class="desk">
              Site
            </th>
            <th scope="col" class="number desk">
              Listeners
            </th>
            <th scope="col" class="number desk">
              Servers
            </th>
            <th scope="col" class="desk">
              Created
            </th>
            <th scope="col" class="desk">
              <span class="unseen">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {listed.map((each) => (
            <Row key={each.LoadBalancerId} listed={each} deleting={deleting} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  readonly listed: Listed;
  readonly deleting: Signal<Listed | undefined>;
}

function Row({ listed, deleting }: RowProps) {
  const { LoadBalancerId: id, LoadBalancerStatus: status } = listed;
  const name = listed.LoadBalancerName || id;
  return (
    <tr>
      <td>
        <a href={`/console/load-balancers/${id}`}>{name}</a>
        {name !== id && <small class="mono below">{id}</small>}
      </td>
      <td>
        <span class={status === 'Active' ? 'badge good' : 'badge'}>{status}</span>
      </td>
      <td class="mono">{listed.Address}</td>
      <td class="desk">{listed.EnsRegionId}</td>
      <td class="number desk">{listed.ListenerCount}</td>
      <td class="number desk">
        {listed.ServerCount}
        {listed.DrainingCount > 0 && <small class="below">{listed.DrainingCount} draining</small>}
      </td>
      <td class="desk">
        <time dateTime={listed.CreateTime}>{timeText(listed.CreateTime)}</time>
      </td>
      <td class="desk">
        <button
          type="button"
          class="quiet"
          aria-label={`Delete ${name}`}
          onClick={() => {
            deleting.value = listed;
          }}
        >
          Delete
        </button>
      </td>
    </tr>
  );
}

/** What to do next where there is nothing to show. */
function Nothing({ state }: { readonly state: ListState }) {
  if (addressOf({ ...state, page: 1 }) !== '/console/') {
    return (
      <div class="card empty">
        <p>No load balancer matches.</p>
        <a href="/console/">Show all</a>
      </div>
    );
  }
  return (
    <div class="card empty">
      <h2>No load balancer yet</h2>
      <p>A load balancer stands at a site and gives traffic to the machines that you register.</p>
      <ol class="next">
        <li>
          <a href="/console/explorer/Sluice/RegisterSite">Register a site</a>, where traffic comes
          in.
        </li>
        <li>
          <a href="/console/explorer/Sluice/RegisterInstance">Register your machines</a> as
          instances of it.
        </li>
        <li>Create a load balancer here, and add the machines to it as servers.</li>
      </ol>
      <p>
        <a href="/docs/" target="_self">
          What each step does
        </a>
      </p>
    </div>
  );
}

interface PagerProps {
  /** Undefined while it is not known: the room is kept. */
  readonly total: number | undefined;
  readonly state: ListState;
  readonly show: (change: Partial<ListState>) => void;
}

function Pager({ total, state: { page }, show }: PagerProps) {
  return (
    <nav class="row pager" aria-label="Pages">
      <span role="status">{total === undefined ? 'Loading…' : rangeText(page, total)}</span>
      <button type="button" disabled={page === 1} onClick={() => show({ page: page - 1 })}>
        Previous
      </button>
      <button
        type="button"
        disabled={total === undefined || page >= pagesOf(total)}
        onClick={() => show({ page: page + 1 })}
      >
        Next
      </button>
    </nav>
  );
}
