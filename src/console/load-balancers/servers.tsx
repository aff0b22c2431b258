import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { LoadBalancerState, WatchedServer } from '../../sdk/live.ts';
import { AddServers } from './add-servers.tsx';
import { Announcer } from './announcer.tsx';
import { usePeaks } from './peaks.ts';
import { RemoveServers } from './remove-servers.tsx';
import { type ServerRow, serverRows } from './server-rows.ts';
import { ServerTable } from './server-table.tsx';
import { Toolbar } from './toolbar.tsx';
import { WeighServers } from './weigh-servers.tsx';

interface Props {
  readonly state: LoadBalancerState;
  /** The control plane's clock less this machine's, in milliseconds. */
  readonly skew: number;
}

/** What a dialog is open for, and with which servers. */
export interface Opened {
  readonly dialog: 'add' | 'remove' | 'weigh';
  readonly servers: readonly WatchedServer[];
}

/** The servers: who carries how much, who is well, and who is on the way out. */
export function Servers({ state, skew }: Props) {
  const chosen = useSignal<ReadonlySet<string>>(new Set());
  const opened = useSignal<Opened | undefined>(undefined);
  const peaks = usePeaks(state.Drains);
  const rows = serverRows(state);
  const close = () => {
    opened.value = undefined;
  };
  const finished = useSignal(0);
  /** What was done with them is done: the next choice begins anew. */
  const done = () => {
    close();
    chosen.value = new Set();
    finished.value += 1;
  };
  useEffect(() => {
    // The button that had the focus may be gone with what it was for.
    if (finished.value > 0) document.getElementById('servers')?.focus();
  }, [finished.value]);
  const open = (dialog: Opened['dialog'], servers: readonly WatchedServer[]) => {
    opened.value = { dialog, servers };
  };
  const { dialog, servers = [] } = opened.value ?? {};
  return (
    <section aria-labelledby="servers">
      <div class="row spread head">
        <h2 id="servers" tabIndex={-1}>
          Servers
        </h2>
        <Toolbar chosen={chosenOf(rows, chosen.value)} open={open} />
      </div>
      {rows.length === 0 ? (
        <p class="card empty">
          No server yet: HTTP listeners answer 503, others refuse. Add machines of the site; a
          machine that is not there to choose is registered first, by{' '}
          <a href="/console/explorer/Sluice/RegisterInstance">RegisterInstance</a>.
        </p>
      ) : (
        <ServerTable
          state={state}
          rows={rows}
          chosen={chosen}
          peaks={peaks}
          skew={skew}
          remove={(server) => open('remove', [server])}
        />
      )}
      <Announcer drains={state.Drains} peaks={peaks} skew={skew} />
      {dialog === 'add' && <AddServers state={state} close={close} done={done} />}
      {dialog === 'remove' && (
        <RemoveServers state={state} servers={servers} rows={rows} close={close} done={done} />
      )}
      {dialog === 'weigh' && (
        <WeighServers state={state} servers={servers} close={close} done={done} />
      )}
    </section>
  );
}

/** Those chosen that are still attached. */
function chosenOf(rows: readonly ServerRow[], keys: ReadonlySet<string>) {
  return rows
    .filter(({ key, drain }) => drain === undefined && keys.has(key))
    .map(({ server }) => server);
}
