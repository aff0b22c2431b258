import type { LoadBalancerState, WatchedServer } from '../../sdk/live.ts';
import { countText, rateText } from './figures.ts';
import { columns, keyOf } from './server-rows.ts';

interface Props {
  readonly state: LoadBalancerState;
  readonly server: WatchedServer;
}

/** One server listener by listener, and what each forwarder's probes say. */
export function ServerDetail({ state, server }: Props) {
  const figures = state.Figures.Servers.filter((each) => keyOf(each) === keyOf(server));
  const health = state.Health.filter((each) => keyOf(each) === keyOf(server));
  const listeners = state.LoadBalancer.Listeners;
  return (
    <tr>
      <td class="none" />
      <td class="whole" colSpan={columns - 1}>
        <dl class="facts">
          {listeners.map(({ Listener }) => {
            const traffic = figures.find((each) => each.Listener === Listener);
            const said = health.filter((each) => each.Listener === Listener);
            return (
              <div key={Listener}>
                <dt>{Listener}</dt>
                <dd>
                  {countText(traffic?.Sessions)} sessions, {rateText(traffic?.RequestsPerSecond)}
                  {' requests/s, '}
                  {rateText(traffic?.BytesOutPerSecond)} bytes/s
                  {said.map(({ ForwarderName, Healthy }) => (
                    <small key={ForwarderName} class="below">
                      {ForwarderName}: {Healthy ? 'healthy' : 'unhealthy'}
                    </small>
                  ))}
                  {said.length === 0 && <small class="below">No forwarder probes it here.</small>}
                </dd>
              </div>
            );
          })}
          {listeners.length === 0 && <div>There is no listener yet.</div>}
        </dl>
      </td>
    </tr>
  );
}
