import { type Signal, useSignal } from '@preact/signals';
import type { LoadBalancerState } from '../../sdk/live.ts';
import { CallDialog } from '../ui/call-dialog.tsx';
import { Choice, Field } from '../ui/field.tsx';
import { useLoaded } from '../ui/loaded.ts';
import { createListener, type ListenerKind, listenerKinds } from './asked.ts';
import { listCertificates } from './choices.ts';

interface Props {
  readonly state: LoadBalancerState;
  readonly close: () => void;
}

const schedulers = [
  { value: 'wrr', text: 'By weight' },
  { value: 'wlc', text: 'By weight and load' },
  { value: 'rr', text: 'In turn' },
  { value: 'sch', text: 'By client address' },
];

const onOff = [
  { value: 'on', text: 'On' },
  { value: 'off', text: 'Off' },
];

/** Makes a listener by the few fields that most need; the Explorer has the rest. */
export function AddListener({ state, close }: Props) {
  const { LoadBalancerId } = state.LoadBalancer;
  const kind = useSignal<ListenerKind>('HTTP');
  const port = useSignal('80');
  const backendPort = useSignal('');
  const scheduler = useSignal('wrr');
  const health = useSignal('on');
  const certificate = useCertificate(kind.value === 'HTTPS');
  const asked = createListener(kind.value, {
    LoadBalancerId,
    ListenerPort: Number(port.value),
    ...(backendPort.value === '' ? {} : { BackendServerPort: Number(backendPort.value) }),
    Scheduler: scheduler.value,
    HealthCheck: health.value,
    ServerCertificateId: certificate.id,
  });
  return (
    <CallDialog
      title="Add listener"
      submit="Add"
      asked={asked}
      disabled={kind.value === 'HTTPS' && certificate.id === ''}
      close={close}
      done={close}
    >
      <Choice
        label="Protocol"
        value={kind.value}
        options={listenerKinds.map((value) => ({ value, text: value }))}
        choose={(value) => {
          kind.value = value as ListenerKind;
        }}
      />
      {kind.value === 'HTTPS' && <Choice label="Certificate" {...certificate.props} />}
      <Field label="Port" value={port} type="number" {...ports} required />
      <Field
        label="Port on the servers"
        value={backendPort}
        type="number"
        {...ports}
        hint="Left empty: the same port."
      />
      <Choice label="Scheduler" options={schedulers} {...bound(scheduler)} />
      {(kind.value === 'HTTP' || kind.value === 'HTTPS') && (
        <Choice label="Health checks" options={onOff} {...bound(health)} />
      )}
      <p class="hint">
        It is made stopped: start it in its row. Timeouts, probes and persistence are set{' '}
        <a href={`/console/explorer/Ens/${asked.action}?LoadBalancerId=${LoadBalancerId}`}>
          in the Explorer
        </a>
        .
      </p>
    </CallDialog>
  );
}

const ports = { min: 1, max: 65_535 };

function bound(signal: Signal<string>) {
  return {
    value: signal.value,
    choose: (value: string) => {
      signal.value = value;
    },
  };
}

/** The certificate of an HTTPS listener: one that was uploaded, at first the first. */
function useCertificate(isWanted: boolean) {
  const picked = useSignal('');
  const loaded = useLoaded(async () => (isWanted ? listCertificates() : []), [isWanted]);
  const found = loaded.value.value ?? [];
  const { id } = found.find((each) => each.id === picked.value) ?? found[0] ?? { id: '' };
  const props = {
    ...bound(picked),
    value: id,
    options: found.map((each) => ({ value: each.id, text: each.name })),
    disabled: found.length === 0,
    hint: found.length === 0 ? 'There is none yet: UploadUserCertificate brings one.' : '',
  };
  return { id, props };
}
