import { useSignal } from '@preact/signals';
import type { LoadBalancerState } from '../../sdk/live.ts';
import { CallButton } from '../ui/call-button.tsx';
import { CallDialog } from '../ui/call-dialog.tsx';
import { Field } from '../ui/field.tsx';
import { timeText } from '../ui/time.ts';
import { deleteLoadBalancer, renameLoadBalancer, setStatus } from './asked.ts';
import { confirmationOf } from './drains.ts';
import { secondsText } from './figures.ts';
import { useGuard } from './guard.tsx';
import type { Watch } from './watch.ts';

interface Props {
  readonly state: LoadBalancerState;
  readonly watch: Watch;
  /** Told when there is nothing to show any more. */
  readonly left: () => void;
}

type Opened = 'rename' | 'stop' | 'delete' | undefined;

/** What the load balancer is, and what can be done with the whole of it. */
export function Overview({ state, watch, left }: Props) {
  const opened = useSignal<Opened>(undefined);
  const open = (dialog: Opened) => () => {
    opened.value = dialog;
  };
  const { LoadBalancer: shown } = state;
  const isActive = shown.LoadBalancerStatus === 'Active';
  const dialog = { state, close: open(undefined) };
  return (
    <header class="overview">
      <div class="row spread">
        <h1 class="row">
          {shown.LoadBalancerName || shown.LoadBalancerId}
          <span class={isActive ? 'badge good' : 'badge warn'}>{shown.LoadBalancerStatus}</span>
          <Line line={watch.line.value} />
        </h1>
        <div class="row">
          <button type="button" onClick={open('rename')}>
            Rename…
          </button>
          {isActive ? (
            <button type="button" onClick={open('stop')}>
              Stop…
            </button>
          ) : (
            <CallButton asked={setStatus(shown.LoadBalancerId, 'Active')}>Start</CallButton>
          )}
          <button type="button" class="danger" onClick={open('delete')}>
            Delete…
          </button>
        </div>
      </div>
      <Facts state={state} />
      {opened.value === 'rename' && <Rename {...dialog} />}
      {opened.value === 'stop' && <Stop {...dialog} />}
      {opened.value === 'delete' && <Delete {...dialog} done={left} />}
    </header>
  );
}

/** Whether what is shown is what is so. */
function Line({ line }: { readonly line: Watch['line']['value'] }) {
  if (line === 'live') return <span class="badge good">Live</span>;
  if (line === 'away') return <span class="badge warn">Reconnecting…</span>;
  return null;
}

function Facts({ state: { LoadBalancer: shown, Revision, Rollout } }: Pick<Props, 'state'>) {
  const facts = [
    ['Address', <code key="address">{shown.Address}</code>],
    ['Site', shown.EnsRegionId],
    ['Specification', shown.LoadBalancerSpec],
    ['Drain time', secondsText(shown.DrainSeconds)],
    ['Created', timeText(shown.CreateTime)],
    ['Revision', Revision],
    ['Forwarders', <Forwarders key="forwarders" rollout={Rollout} />],
  ] as const;
  return (
    <dl class="facts">
      {facts.map(([term, fact]) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>{fact}</dd>
        </div>
      ))}
    </dl>
  );
}

/** How many have the last change, and who has not, and why. */
function Forwarders({ rollout }: { readonly rollout: LoadBalancerState['Rollout'] }) {
  const { applied, counted, missing, out } = confirmationOf(rollout);
  const isDone = counted > 0 && applied === counted;
  return (
    <>
      <span class={isDone ? 'badge good' : 'badge warn'}>
        {counted === 0 ? 'none serves' : `${applied} of ${counted} confirmed`}
      </span>
      {rollout.Frozen && <span class="badge warn">Frozen</span>}
      {missing.map(({ name, reason }) => (
        <small key={name} class="below">
          {name}: {reason}
        </small>
      ))}
      {out.map(({ name, state }) => (
        <small key={name} class="below">
          {name} is {state}: it serves nothing
        </small>
      ))}
    </>
  );
}

interface DialogProps {
  readonly state: LoadBalancerState;
  readonly close: () => void;
}

function Rename({ state, close }: DialogProps) {
  const { LoadBalancerId, LoadBalancerName } = state.LoadBalancer;
  const name = useSignal(LoadBalancerName);
  const guard = useGuard(renameLoadBalancer(LoadBalancerId, name.value.trim()), state);
  return (
    <CallDialog
      title={`Rename ${LoadBalancerName || LoadBalancerId}`}
      submit="Rename"
      {...guard}
      disabled={name.value.trim().length < 2}
      close={close}
      done={close}
    >
      <Field label="Name" value={name} hint="2 to 128 characters." maxLength={128} required />
    </CallDialog>
  );
}

function Stop({ state, close }: DialogProps) {
  const { LoadBalancerId, LoadBalancerName } = state.LoadBalancer;
  return (
    <CallDialog
      title={`Stop ${LoadBalancerName || LoadBalancerId}?`}
      submit="Stop"
      danger
      asked={setStatus(LoadBalancerId, 'InActive')}
      close={close}
      done={close}
    >
      <p>No listener of it takes traffic until it is started again. Its configuration stays.</p>
    </CallDialog>
  );
}

function Delete({ state, close, done }: DialogProps & { readonly done: () => void }) {
  const { LoadBalancerId, LoadBalancerName, Address } = state.LoadBalancer;
  const guard = useGuard(deleteLoadBalancer(LoadBalancerId), state);
  return (
    <CallDialog
      title={`Delete ${LoadBalancerName || LoadBalancerId}?`}
      submit="Delete"
      danger
      {...guard}
      close={close}
      done={done}
    >
      <p>
        It stops forwarding at once: its connections are cut, and its address {Address} becomes free
        for others. This cannot be undone.
      </p>
    </CallDialog>
  );
}
