import { type Signal, useSignal } from '@preact/signals';
import type { LoadBalancerState, WatchedListener } from '../../sdk/live.ts';
import { CallButton } from '../ui/call-button.tsx';
import { CallDialog } from '../ui/call-dialog.tsx';
import { AddListener } from './add-listener.tsx';
import { changeListener } from './asked.ts';
import { countText, rateText } from './figures.ts';
import { HealthBadge } from './health.tsx';
import { healthOf } from './server-rows.ts';

/** Where the load balancer listens, and for what. */
export function Listeners({ state }: { readonly state: LoadBalancerState }) {
  const adding = useSignal(false);
  const stopping = useSignal<WatchedListener | undefined>(undefined);
  const deleting = useSignal<WatchedListener | undefined>(undefined);
  const { LoadBalancerId, Listeners: listeners } = state.LoadBalancer;
  return (
    <section aria-labelledby="listeners">
      <div class="row spread head">
        <h2 id="listeners">Listeners</h2>
        <button
          type="button"
          onClick={() => {
            adding.value = true;
          }}
        >
          Add listener…
        </button>
      </div>
      {listeners.length === 0 ? (
        <p class="card empty">No listener yet: nobody can connect. Add one, then start it.</p>
      ) : (
        <Table state={state} stopping={stopping} deleting={deleting} />
      )}
      {adding.value && (
        <AddListener
          state={state}
          close={() => {
            adding.value = false;
          }}
        />
      )}
      {stopping.value && (
        <StopListener
          id={LoadBalancerId}
          listener={stopping.value}
          sessions={figuresOf(state, stopping.value)?.Sessions}
          close={() => {
            stopping.value = undefined;
          }}
        />
      )}
      {deleting.value && (
        <DeleteListener
          id={LoadBalancerId}
          listener={deleting.value}
          close={() => {
            deleting.value = undefined;
          }}
        />
      )}
    </section>
  );
}

interface TableProps {
  readonly state: LoadBalancerState;
  readonly stopping: Signal<WatchedListener | undefined>;
  readonly deleting: Signal<WatchedListener | undefined>;
}

function Table({ state, stopping, deleting }: TableProps) {
  return (
    <div class="scroll">
      <table class="listeners">
        <thead>
          <tr>
            <th scope="col">Listener</th>
            <th scope="col">Status</th>
            <th scope="col">Health checks</th>
            <th scope="col" class="desk">
              Scheduler
            </th>
            <th scope="col" class="number desk">
              Sessions
            </th>
            <th scope="col" class="number desk">
              Connections/s
            </th>
            <th scope="col" class="number desk">
              Requests/s
            </th>
            <th scope="col">
              <span class="unseen">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {state.LoadBalancer.Listeners.map((listener) => (
            <Row
              key={listener.Listener}
              state={state}
              listener={listener}
              stop={() => {
                stopping.value = listener;
              }}
              remove={() => {
                deleting.value = listener;
              }}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  readonly state: LoadBalancerState;
  readonly listener: WatchedListener;
  readonly stop: () => void;
  readonly remove: () => void;
}

function figuresOf(state: LoadBalancerState, { Listener }: WatchedListener) {
  return state.Figures.Listeners.find((each) => each.Listener === Listener);
}

function Row({ state, listener, stop, remove }: RowProps) {
  const { Listener: name, Status, ListenerPort, BackendServerPort, Description } = listener;
  const figures = figuresOf(state, listener);
  const health = healthOf(state.Health.filter((each) => each.Listener === name));
  return (
    <tr>
      <th scope="row">
        {listener.ListenerProtocol.toUpperCase()} {ListenerPort}
        {BackendServerPort !== ListenerPort && <small> to {BackendServerPort}</small>}
        {Description && <small class="below">{Description}</small>}
      </th>
      <td>
        <span class={badges[Status] ?? 'badge'}>{Status}</span>
      </td>
      <td>
        {listener.HealthCheck === 'on' ? <HealthBadge health={health} /> : <small>off</small>}
      </td>
      <td class="desk">{listener.Scheduler}</td>
      <td class="number desk">{countText(figures?.Sessions)}</td>
      <td class="number desk">{rateText(figures?.ConnectionsPerSecond)}</td>
      <td class="number desk">{rateText(figures?.RequestsPerSecond)}</td>
      <td>
        <div class="row actions">
          {Status === 'Stopped' ? (
            <CallButton
              asked={changeListener('Start', state.LoadBalancer.LoadBalancerId, listener)}
              label={`Start ${name}`}
            >
              Start
            </CallButton>
          ) : (
            <button type="button" aria-label={`Stop ${name}`} onClick={stop}>
              Stop…
            </button>
          )}
          <button type="button" class="quiet" aria-label={`Delete ${name}`} onClick={remove}>
            Delete…
          </button>
        </div>
      </td>
    </tr>
  );
}

const badges: Readonly<Record<string, string>> = {
  Running: 'badge good',
  Starting: 'badge warn',
};

interface DeleteProps {
  readonly id: string;
  readonly listener: WatchedListener;
  readonly close: () => void;
}

/** @param sessions undefined until they are counted */
function StopListener({
  id,
  listener,
  sessions,
  close,
}: DeleteProps & { readonly sessions: number | undefined }) {
  return (
    <CallDialog
      title={`Stop listener ${listener.Listener}?`}
      submit="Stop"
      danger
      asked={changeListener('Stop', id, listener)}
      close={close}
      done={close}
    >
      <p>
        It takes no new connection until it is started again, and its sessions are cut
        {sessions !== undefined && sessions > 0 && `: ${countText(sessions)} now`}.
      </p>
    </CallDialog>
  );
}

function DeleteListener({ id, listener, close }: DeleteProps) {
  return (
    <CallDialog
      title={`Delete listener ${listener.Listener}?`}
      submit="Delete"
      danger
      asked={changeListener('Delete', id, listener)}
      close={close}
      done={close}
    >
      <p>Its port closes at once and its connections are cut. The servers stay.</p>
    </CallDialog>
  );
}
