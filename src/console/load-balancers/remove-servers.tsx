import { useSignal } from '@preact/signals';
import { limits } from '../../limits.ts';
import type { LoadBalancerState, WatchedServer } from '../../sdk/live.ts';
import { CallDialog } from '../ui/call-dialog.tsx';
import { Field } from '../ui/field.tsx';
import { removeServers } from './asked.ts';
import { plural } from './figures.ts';
import { addressOf, keyOf, removedWith, type ServerRow, sum } from './server-rows.ts';

interface Props {
  readonly state: LoadBalancerState;
  readonly servers: readonly WatchedServer[];
  readonly rows: readonly ServerRow[];
  readonly close: () => void;
  readonly done: () => void;
}

/** Asks how long sessions may go on, says what will happen, and removes. */
export function RemoveServers({ state, servers, rows, close, done }: Props) {
  const { LoadBalancerId, BackendServers, DrainSeconds } = state.LoadBalancer;
  const seconds = useSignal(String(DrainSeconds));
  const leaving = removedWith(BackendServers, servers);
  const sessions = sum(
    leaving.map((server) => rows.find(({ key }) => key === keyOf(server))?.sessions),
  );
  const takers = BackendServers.filter((each) => each.Weight > 0 && !leaving.includes(each));
  const drainSeconds = Number(seconds.value);
  const asked = removeServers(
    LoadBalancerId,
    servers,
    drainSeconds === DrainSeconds ? undefined : drainSeconds,
  );
  const what = leaving.length === 1 ? leaving[0]!.ServerId : plural(leaving.length, 'server');
  return (
    <CallDialog
      title={`Remove ${what}?`}
      submit="Remove"
      danger
      asked={asked}
      close={close}
      done={done}
    >
      <ul class="leavers">
        {leaving.map((server) => (
          <li key={keyOf(server)}>
            {server.ServerId} <span class="mono">{addressOf(server)}</span>
          </li>
        ))}
      </ul>
      {leaving.length > servers.length && (
        <p>A server that has no port of its own leaves with all its entries.</p>
      )}
      {takers.length === 0 && (
        <p class="trouble">
          <strong>No server that takes traffic is left then:</strong> HTTP listeners answer 503,
          others refuse.
        </p>
      )}
      <Field
        label="Seconds that sessions may go on"
        type="number"
        value={seconds}
        min={0}
        max={limits.drainSecondsMax}
        required
        hint="0 cuts them at once."
      />
      <p>
        From the answer on, no new connection reaches {leaving.length === 1 ? 'it' : 'them'}: HTTP
        clients go elsewhere with their next request.{' '}
        {sessions === undefined ? 'Sessions' : plural(sessions, 'session')} in flight may end by
        themselves; what is left after {plural(drainSeconds, 'second')} is cut. Until then the
        removal can be undone.
      </p>
    </CallDialog>
  );
}
