import { type Signal, useSignal } from '@preact/signals';
import { useLocation } from 'preact-iso';
import { CallDialog } from '../ui/call-dialog.tsx';
import { Choice, Field } from '../ui/field.tsx';
import { useLoaded } from '../ui/loaded.ts';
import { Trouble } from '../ui/trouble.tsx';
import { createLoadBalancer } from './asked.ts';
import { type Choosable, listNetworks, listSpecs, listVSwitches } from './choices.ts';

interface Props {
  readonly sites: readonly string[];
  readonly close: () => void;
}

/** Makes a load balancer, and goes to its page. */
export function CreateLoadBalancer({ sites, close }: Props) {
  const { route } = useLocation();
  const name = useSignal('');
  const site = useChoice(sites.map((id) => ({ id, name: id })));
  const specs = useLoaded(listSpecs, []);
  const spec = useChoice(specs.value.value);
  const networks = useLoaded(() => listNetworks(site.id), [site.id]);
  const network = useChoice(networks.value.value);
  const vSwitches = useLoaded(
    async () => (network.id === '' ? [] : listVSwitches(network.id)),
    [network.id],
  );
  const vSwitch = useChoice(vSwitches.value.value);
  const asked = createLoadBalancer({
    EnsRegionId: site.id,
    NetworkId: network.id,
    VSwitchId: vSwitch.id,
    LoadBalancerSpec: spec.id,
    LoadBalancerName: name.value.trim(),
  });
  const troubles = [specs, networks, vSwitches].map(({ trouble }) => trouble.value);
  return (
    <CallDialog<{ readonly LoadBalancerId: string }>
      title="Create load balancer"
      submit="Create"
      asked={asked}
      disabled={vSwitch.id === ''}
      close={close}
      done={({ LoadBalancerId }) => route(`/console/load-balancers/${LoadBalancerId}`)}
    >
      <Field
        label="Name"
        value={name}
        hint="1 to 80 characters. Left empty: its ID."
        maxLength={80}
      />
      <Choice label="Site" {...site.props} />
      <Choice
        label="Specification"
        hint="Caps connections, new connections and requests a second on each forwarder."
        {...spec.props}
      />
      <Choice label="Network" {...network.props} />
      <Choice label="vSwitch" {...vSwitch.props} />
      <Trouble error={troubles.find((error) => error !== undefined)} />
    </CallDialog>
  );
}

/** One of those that there are: the one picked, or else the first. Empty while there is none. */
function useChoice(options: readonly Choosable[] = []) {
  const picked: Signal<string> = useSignal('');
  const { id } = options.find((option) => option.id === picked.value) ?? options[0] ?? { id: '' };
  const props = {
    value: id,
    choose: (value: string) => {
      picked.value = value;
    },
    options: options.map((option) => ({
      value: option.id,
      text: option.name === option.id ? option.id : `${option.name} (${option.id})`,
    })),
    disabled: options.length === 0,
  };
  return { id, props };
}
