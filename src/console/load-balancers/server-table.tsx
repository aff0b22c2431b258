import { type Signal, useSignal } from '@preact/signals';
import type { LoadBalancerState, WatchedServer } from '../../sdk/live.ts';
import { DrainRow } from './drain-row.tsx';
import { countText, rateText } from './figures.ts';
import { HealthBadge } from './health.tsx';
import type { Peaks } from './peaks.ts';
import { ServerDetail } from './server-detail.tsx';
import { addressOf, leavingClass, type ServerRow } from './server-rows.ts';
import { WeightCell } from './weight-cell.tsx';

interface Props {
  readonly state: LoadBalancerState;
  readonly rows: readonly ServerRow[];
  /** Keys of the rows that are chosen. */
  readonly chosen: Signal<ReadonlySet<string>>;
  readonly peaks: Peaks;
  readonly skew: number;
  readonly remove: (server: WatchedServer) => void;
}

/** A row each; a server that drains shows below its row how that goes. */
export function ServerTable(props: Props) {
  const { rows, chosen } = props;
  const attached = rows.filter(({ drain }) => drain === undefined);
  const isEvery = attached.length > 0 && attached.every(({ key }) => chosen.value.has(key));
  return (
    <div class="scroll">
      <table class="servers">
        <thead>
          <tr>
            <th scope="col">
              <input
                type="checkbox"
                aria-label="Choose every server"
                checked={isEvery}
                disabled={attached.length === 0}
                onChange={() => {
                  chosen.value = new Set(isEvery ? [] : attached.map(({ key }) => key));
                }}
              />
            </th>
            <th scope="col">Server</th>
            <th scope="col">State</th>
            <th scope="col">Weight</th>
            <th scope="col" class="number desk">
              Sessions
            </th>
            <th scope="col" class="number desk">
              Requests/s
            </th>
            <th scope="col" class="number desk">
              Connections/s
            </th>
            <th scope="col">
              <span class="unseen">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row.key} {...props} row={row} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ row, state, chosen, peaks, skew, remove }: Props & { readonly row: ServerRow }) {
  const { server, drain, key } = row;
  const open = useSignal(false);
  const toggle = () => {
    const next = new Set(chosen.value);
    if (!next.delete(key)) next.add(key);
    chosen.value = next;
  };
  return (
    <>
      <tr class={drain && `first ${leavingClass(drain)}`}>
        <td>
          {drain === undefined && (
            <input
              type="checkbox"
              aria-label={`Choose ${server.ServerId}`}
              checked={chosen.value.has(key)}
              onChange={toggle}
            />
          )}
        </td>
        <th scope="row">
          <button
            type="button"
            class="quiet disclose"
            aria-expanded={open.value}
            onClick={() => {
              open.value = !open.value;
            }}
          >
            {server.ServerId}
          </button>
          <small class="mono below">{addressOf(server)}</small>
        </th>
        <td>
          <State row={row} />
        </td>
        <td>
          {drain === undefined ? (
            <WeightCell state={state} server={server} />
          ) : (
            <span class="weight">{server.Weight}</span>
          )}
        </td>
        <td class="number desk">{countText(row.sessions)}</td>
        <td class="number desk">{rateText(row.requestsPerSecond)}</td>
        <td class="number desk">{rateText(row.connectionsPerSecond)}</td>
        <td>
          {drain === undefined && (
            <button
              type="button"
              class="quiet"
              aria-label={`Remove ${server.ServerId}`}
              onClick={() => remove(server)}
            >
              Remove…
            </button>
          )}
        </td>
      </tr>
      {drain && <DrainRow state={state} drain={drain} most={peaks.get(key) ?? 0} skew={skew} />}
      {open.value && <ServerDetail state={state} server={server} />}
    </>
  );
}

function State({ row: { server, drain, health } }: { readonly row: ServerRow }) {
  if (drain !== undefined) {
    return (
      <span class={drain.Over ? 'badge' : 'badge warn'}>{drain.Over ? 'Removed' : 'Draining'}</span>
    );
  }
  return (
    <>
      <HealthBadge health={health} />
      {server.Weight === 0 && <small class="below">no new connections</small>}
    </>
  );
}
