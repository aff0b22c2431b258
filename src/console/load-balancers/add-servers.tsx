import { useSignal } from '@preact/signals';
import { limits } from '../../limits.ts';
import type { LoadBalancerState } from '../../sdk/live.ts';
import { CallDialog } from '../ui/call-dialog.tsx';
import { Field } from '../ui/field.tsx';
import { useLoaded } from '../ui/loaded.ts';
import { Trouble } from '../ui/trouble.tsx';
import { addServers } from './asked.ts';
import { listMachines, type Machine } from './choices.ts';

interface Props {
  readonly state: LoadBalancerState;
  readonly close: () => void;
  readonly done: () => void;
}

/** Adds machines of the site as servers, all with one port and weight. */
export function AddServers({ state, close, done }: Props) {
  const { LoadBalancerId, EnsRegionId, BackendServers } = state.LoadBalancer;
  const search = useSignal('');
  const port = useSignal('');
  const weight = useSignal('100');
  const chosen = useSignal<readonly Machine[]>([]);
  const found = useLoaded(() => listMachines(EnsRegionId, search.value), [search.value]);
  const attached = new Set(BackendServers.map(({ ServerId }) => ServerId));
  const asked = addServers(
    LoadBalancerId,
    chosen.value.map(({ InstanceId, ip }) => ({
      ServerId: InstanceId,
      Type: 'ens',
      Ip: ip,
      Port: Number(port.value),
      Weight: Number(weight.value),
    })),
  );
  const toggle = (machine: Machine) => {
    const rest = chosen.value.filter(({ InstanceId }) => InstanceId !== machine.InstanceId);
    chosen.value = rest.length < chosen.value.length ? rest : [...rest, machine];
  };
  const count = chosen.value.length;
  return (
    <CallDialog
      title="Add servers"
      submit={count > 1 ? `Add ${count} servers` : 'Add'}
      asked={asked}
      disabled={count === 0 || count > limits.batch}
      close={close}
      done={done}
    >
      <Field
        label={`Machines of ${EnsRegionId}`}
        type="search"
        value={search}
        placeholder="Part of an ID or a name"
      />
      <Trouble error={found.trouble.value} />
      <Machines
        found={found.value.value}
        chosen={chosen.value}
        attached={attached}
        toggle={toggle}
      />
      <div class="row">
        <Field
          label="Port"
          type="number"
          value={port}
          min={1}
          max={65535}
          hint="Left empty: the listener's."
        />
        <Field
          label="Weight"
          type="number"
          value={weight}
          min={0}
          max={100}
          required
          hint="0 to 100; 0 takes nothing new."
        />
      </div>
      {count > limits.batch && <p role="status">One call takes {limits.batch} servers.</p>}
    </CallDialog>
  );
}

interface MachinesProps {
  readonly found: Awaited<ReturnType<typeof listMachines>> | undefined;
  readonly chosen: readonly Machine[];
  readonly attached: ReadonlySet<string>;
  readonly toggle: (machine: Machine) => void;
}

function Machines({ found, chosen, attached, toggle }: MachinesProps) {
  if (found === undefined) return <p class="machines hint">Loading…</p>;
  const { machines, total } = found;
  if (machines.length === 0) {
    return (
      <p class="machines hint">
        No machine is registered that matches.{' '}
        <a href="/console/explorer/Sluice/RegisterInstance">Register one</a>.
      </p>
    );
  }
  return (
    <fieldset class="machines">
      <legend class="unseen">Machines</legend>
      {machines.map((machine) => (
        <label key={machine.InstanceId} class="row">
          <input
            type="checkbox"
            checked={chosen.some(({ InstanceId }) => InstanceId === machine.InstanceId)}
            disabled={machine.Status !== 'Running' || attached.has(machine.InstanceId)}
            onChange={() => toggle(machine)}
          />
          {machine.InstanceName}
          <span class="mono">{machine.ip}</span>
          {machine.Status !== 'Running' && <span class="badge">{machine.Status}</span>}
          {attached.has(machine.InstanceId) && <span class="badge">attached</span>}
        </label>
      ))}
      {total > machines.length && <small>{total - machines.length} more: search for them.</small>}
    </fieldset>
  );
}
