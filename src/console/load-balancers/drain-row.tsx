import type { LoadBalancerState, WatchedDrain } from '../../sdk/live.ts';
import { CallButton } from '../ui/call-button.tsx';
import { useNow } from '../ui/now.ts';
import { addServers, cutDrain } from './asked.ts';
import { confirmationOf, type Progress, progressOf } from './drains.ts';
import { plural, secondsText } from './figures.ts';
import { columns, leavingClass } from './server-rows.ts';

interface Props {
  readonly state: LoadBalancerState;
  readonly drain: WatchedDrain;
  /** The most sessions that were seen of it. */
  readonly most: number;
  readonly skew: number;
}

/** How a removal goes: what is left where, until when, and who has confirmed it. */
export function DrainRow({ state, drain, most, skew }: Props) {
  const now = useNow(!drain.Over) + skew;
  const progress = progressOf(drain, most, now);
  const { LoadBalancerId } = state.LoadBalancer;
  const { Deadline: _, Cut: __, Over, Forwarders: ___, ...server } = drain;
  return (
    <tr class={leavingClass(drain)}>
      <td class="none" />
      <td class="whole" colSpan={columns - 1}>
        <div class="drain">
          <progress
            aria-label={`Sessions of ${drain.ServerId} that have ended`}
            value={progress.done}
          />
          <p class="row">
            <strong>{leftText(progress)}</strong>
            {!Over && <span class="number">cut in {secondsText(progress.secondsLeft)}</span>}
          </p>
          <Confirmed state={state} />
          <Counts drain={drain} />
          <div class="row">
            {!Over && (
              <CallButton
                danger
                asked={cutDrain(LoadBalancerId, drain.ServerId)}
                label={`Cut now: ${drain.ServerId}`}
              >
                Cut now
              </CallButton>
            )}
            <CallButton
              asked={addServers(LoadBalancerId, [server])}
              // The row goes with its button, so the focus goes where the server is listed again.
              done={() => document.getElementById('servers')?.focus()}
              label={`${Over ? 'Add again:' : 'Undo:'} ${drain.ServerId}`}
            >
              {Over ? 'Add again' : 'Undo'}
            </CallButton>
          </div>
        </div>
      </td>
    </tr>
  );
}

function leftText({ left, most, end }: Progress): string {
  if (end === 'drained') return 'Drained: every session has ended by itself';
  if (end === 'unknown') return 'Drain timed out; a silent forwarder may have sessions left';
  if (end === 'cut') return 'Cut by an operator; remaining sessions closed';
  if (end === 'over') return 'Drain timed out; remaining sessions closed';
  if (left === undefined) return 'Counting sessions…';
  return `${left} of ${plural(most, 'session')} left`;
}

/** k of n, and who is missing. */
function Confirmed({ state }: Pick<Props, 'state'>) {
  const { applied, counted, missing, out } = confirmationOf(state.Rollout);
  if (counted + out.length === 0) return <p>No forwarder is registered for the site.</p>;
  return (
    <p>
      {applied} of {plural(counted, 'forwarder')} confirmed: no new connection reaches it there.
      {missing.map(({ name, reason }) => (
        <span key={name} class="below">
          Not confirmed by {name}: {reason}
        </span>
      ))}
      {out.map(({ name, state: why }) => (
        <span key={name} class="below">
          {name} is {why}: it serves nothing
        </span>
      ))}
    </p>
  );
}

/** Sessions forwarder by forwarder, where that says more than the sum. */
function Counts({ drain: { Forwarders, Over } }: Pick<Props, 'drain'>) {
  if (Over || Forwarders.length < 2) return null;
  return (
    <p class="row hint">
      {Forwarders.map(({ ForwarderName, Sessions, Counted }) => (
        <span key={ForwarderName}>
          {ForwarderName}: {Counted ? Sessions : 'counting…'}
        </span>
      ))}
    </p>
  );
}
