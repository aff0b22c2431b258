import { useSignal } from '@preact/signals';
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
  const certificate = useSignal('');
  const certificates = useLoaded(
    async () => (kind.value === 'HTTPS' ? listCertificates() : []),
    [kind.value],
  );
  const found = certificates.value.value ?? [];
  const chosen = found.find(({ id }) => id === certificate.value)?.id ?? found[0]?.id ?? '';
  const asked = createListener(kind.value, {
    LoadBalancerId,
    ListenerPort: Number(port.value),
    ...(backendPort.value === '' ? {} : { BackendServerPort: Number(backendPort.value) }),
    Scheduler: scheduler.value,
    HealthCheck: health.value,
    ServerCertificateId: chosen,
  });
  const hasProbeSwitch = kind.value === 'HTTP' || kind.value === 'HTTPS';
  return (
    <CallDialog
      title="Add listener"
      submit="Add"
      asked={asked}
      disabled={kind.value === 'HTTPS' && chosen === ''}
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
      <Field label="Port" value={port} type="number" min={1} max={65535} required />
      <Field
        label="Port on the servers"
        value={backendPort}
        type="number"
        min={1}
        max={65535}
        hint="Left empty: the same port."
      />
      <Choice
        label="Scheduler"
        value={scheduler.value}
        options={schedulers}
        choose={(value) => {
          scheduler.value = value;
        }}
      />
      {hasProbeSwitch && (
        <Choice
          label="Health checks"
          value={health.value}
          options={onOff}
          choose={(value) => {
            health.value = value;
          }}
        />
      )}
      {kind.value === 'HTTPS' && (
        <Choice
          label="Certificate"
          value={chosen}
          options={found.map(({ id, name }) => ({ value: id, text: name }))}
          choose={(value) => {
            certificate.value = value;
          }}
          disabled={found.length === 0}
          hint={found.length === 0 ? 'None yet: UploadUserCertificate brings one.' : ''}
        />
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
