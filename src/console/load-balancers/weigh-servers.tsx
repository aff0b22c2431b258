import { useSignal } from '@preact/signals';
import type { LoadBalancerState, WatchedServer } from '../../sdk/live.ts';
import { CallDialog } from '../ui/call-dialog.tsx';
import { Field } from '../ui/field.tsx';
import { setWeights } from './asked.ts';
import { plural } from './figures.ts';
import { useGuard } from './guard.tsx';
import { weightOf } from './server-rows.ts';

interface Props {
  readonly state: LoadBalancerState;
  readonly servers: readonly WatchedServer[];
  readonly close: () => void;
  readonly done: () => void;
}

/** One weight for several servers. */
export function WeighServers({ state, servers, close, done }: Props) {
  const weight = useSignal(String(servers[0]?.Weight ?? 100));
  const Weight = Number(weight.value);
  const guard = useGuard(
    setWeights(
      state.LoadBalancer.LoadBalancerId,
      servers.map((server) => ({ ...server, Weight })),
    ),
    state,
    (before, now) => servers.every((each) => weightOf(before, each) === weightOf(now, each)),
  );
  return (
    <CallDialog
      title={`Weight of ${plural(servers.length, 'server')}`}
      submit="Set"
      {...guard}
      close={close}
      done={done}
    >
      <p>{servers.map(({ ServerId }) => ServerId).join(', ')}</p>
      <Field
        label="Weight"
        type="number"
        value={weight}
        min={0}
        max={100}
        required
        hint="0 to 100. 0 takes no new connections; existing ones go on."
      />
    </CallDialog>
  );
}
