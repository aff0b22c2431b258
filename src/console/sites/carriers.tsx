import { type Signal, useSignal } from '@preact/signals';
import { CallDialog } from '../ui/call-dialog.tsx';
import { deregisterForwarder } from './asked.ts';
import { type Carrier, everySite, type Forwarder, lagOf, standingOf } from './forwarders.ts';

interface Props {
  readonly site: string;
  readonly carriers: readonly Carrier[];
  readonly changed: () => void;
}

/** The forwarders of a site, one a row. */
export function Carriers({ site, carriers, changed }: Props) {
  const leaving = useSignal<Forwarder | undefined>(undefined);
  const close = () => {
    leaving.value = undefined;
  };
  if (carriers.length === 0) {
    return (
      <p class="trouble">
        No forwarder carries this site: its load balancers forward nothing. Register one and start
        it on its machine.
      </p>
    );
  }
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must take the keyboard. */}
      <section class="scroll" tabIndex={0} aria-label={`Forwarders of ${site}`}>
        <table class="carriers">
          <thead>
            <tr>
              <th scope="col">Forwarder</th>
              <th scope="col">State</th>
              <th scope="col" class="number">
                Applied revision
              </th>
              <th scope="col">Lag</th>
              <th scope="col">Engine</th>
              <th scope="col">
                <span class="unseen">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {carriers.map((carrier) => (
              <Row
                key={`${carrier.forwarder.EnsRegionId}/${carrier.forwarder.ForwarderName}`}
                carrier={carrier}
                leaving={leaving}
              />
            ))}
          </tbody>
        </table>
      </section>
      <Notices carriers={carriers} />
      {leaving.value && (
        <Deregister
          forwarder={leaving.value}
          close={close}
          done={() => {
            close();
            changed();
          }}
        />
      )}
    </>
  );
}

interface RowProps {
  readonly carrier: Carrier;
  readonly leaving: Signal<Forwarder | undefined>;
}

function Row({ carrier, leaving }: RowProps) {
  const { forwarder, at } = carrier;
  const { label, kind, more } = standingOf(at);
  return (
    <tr>
      <td>
        {forwarder.ForwarderName}
        {forwarder.EnsRegionId === everySite && <small class="below">carries every site</small>}
      </td>
      <td>
        <span class={`badge ${kind}`}>{label}</span>
        <small class="below">{more}</small>
      </td>
      <td class="number">{at?.State === 'live' ? at.Revision : '–'}</td>
      <td>
        <Lag carrier={carrier} />
      </td>
      <td>{at?.Engine || '–'}</td>
      <td>
        <button
          type="button"
          class="quiet"
          aria-label={`Deregister ${forwarder.ForwarderName}`}
          onClick={() => {
            leaving.value = forwarder;
          }}
        >
          Deregister
        </button>
      </td>
    </tr>
  );
}

function Lag({ carrier }: { readonly carrier: Carrier }) {
  const lag = lagOf(carrier);
  if (lag === undefined) return <>unknown</>;
  if (carrier.at?.Behind === 0) return <>{lag}</>;
  return <span class="badge warn">{lag}</span>;
}

function Notices({ carriers }: { readonly carriers: readonly Carrier[] }) {
  const notices = carriers.flatMap(({ forwarder: { ForwarderName }, at }) =>
    (at?.Notices ?? []).map((notice) => ({ ForwarderName, notice })),
  );
  if (notices.length === 0) return null;
  return (
    <div role="status">
      <h3>Notices</h3>
      <ul class="plain">
        {notices.map(({ ForwarderName, notice }) => (
          <li key={`${ForwarderName} ${notice}`}>
            <span class="badge warn">{ForwarderName}</span> {notice}
          </li>
        ))}
      </ul>
    </div>
  );
}

interface DeregisterProps {
  readonly forwarder: Forwarder;
  readonly close: () => void;
  readonly done: () => void;
}

function Deregister({ forwarder: { EnsRegionId, ForwarderName }, close, done }: DeregisterProps) {
  const gone = useSignal(false);
  return (
    <CallDialog
      title={`Deregister ${ForwarderName}?`}
      submit="Deregister"
      danger
      asked={deregisterForwarder(EnsRegionId, ForwarderName, gone.value)}
      close={close}
      done={done}
    >
      <p>It stops serving its load balancers, and its access key ends.</p>
      <label class="check">
        <input
          type="checkbox"
          checked={gone.value}
          onChange={({ currentTarget }) => {
            gone.value = currentTarget.checked;
          }}
        />{' '}
        Its machine will not come back
      </label>
      {gone.value && (
        <p>
          Nothing waits for it any more.{' '}
          <strong>If it runs after all, it goes on serving, removed servers included.</strong>
        </p>
      )}
    </CallDialog>
  );
}
