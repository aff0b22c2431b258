import { useSignal } from '@preact/signals';
import { CallDialog } from '../ui/call-dialog.tsx';
import { Copy } from '../ui/copy.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Field } from '../ui/field.tsx';
import { registerForwarder, registerInstance, registerSite } from './asked.ts';
import { everySite, forwarderCommand } from './forwarders.ts';

interface Props {
  readonly close: () => void;
  readonly done: () => void;
}

/** A new site. */
export function RegisterSite(props: Props) {
  const id = useSignal('');
  const pool = useSignal('');
  const asked = registerSite(id.value.trim(), pool.value.trim());
  return (
    <CallDialog title="Register site" submit="Register" asked={asked} {...props}>
      <Field
        label="Site ID"
        value={id}
        hint="2 to 63 small letters, digits and -, such as cn-hangzhou-44."
        maxLength={63}
        required
      />
      <Field
        label="Address pool"
        value={pool}
        hint="Its load balancers get addresses from this CIDR block, which never changes."
        placeholder="192.0.2.0/24"
        maxLength={64}
        required
      />
    </CallDialog>
  );
}

/** A machine of a site, which becomes an instance that can be a backend server. */
export function RegisterInstance({ site, ...props }: Props & { readonly site: string }) {
  const address = useSignal('');
  const id = useSignal('');
  const name = useSignal('');
  const asked = registerInstance({
    EnsRegionId: site,
    PrivateIpAddress: address.value.trim(),
    InstanceId: id.value.trim(),
    InstanceName: name.value.trim(),
  });
  return (
    <CallDialog title={`Register instance of ${site}`} submit="Register" asked={asked} {...props}>
      <Field
        label="Address"
        value={address}
        hint="Where load balancers reach the machine."
        maxLength={64}
        required
      />
      <Field
        label="Instance ID"
        value={id}
        hint="Letters, digits and -. Left empty: one is made up."
        maxLength={64}
      />
      <Field label="Name" value={name} hint="Left empty: its ID." maxLength={128} />
    </CallDialog>
  );
}

interface KeyPair {
  readonly AccessKeyId: string;
  readonly AccessKeySecret: string;
}

/** A forwarder; then its key, which is shown this once. */
export function RegisterForwarder({ site, close, done }: Props & { readonly site: string }) {
  const name = useSignal('');
  const pair = useSignal<KeyPair | undefined>(undefined);
  const asked = registerForwarder(site, name.value.trim());
  if (pair.value !== undefined) return <ShowKey site={site} pair={pair.value} close={done} />;
  return (
    <CallDialog
      title={
        site === everySite ? 'Register forwarder of every site' : `Register forwarder of ${site}`
      }
      submit="Register"
      asked={asked}
      close={close}
      done={(body: KeyPair) => {
        pair.value = body;
      }}
    >
      <Field
        label="Name"
        value={name}
        hint="Letters, digits, - and _. One that is registered gets a new key; its old one ends."
        maxLength={64}
        required
      />
      <p class="hint">
        As soon as a site has a forwarder of its own, those of every site leave it: start this one
        right afterwards.
      </p>
    </CallDialog>
  );
}

interface ShowKeyProps {
  readonly site: string;
  readonly pair: KeyPair;
  readonly close: () => void;
}

function ShowKey({ site, pair, close }: ShowKeyProps) {
  const command = forwarderCommand(location.origin, site, pair.AccessKeyId);
  return (
    <Dialog title="The forwarder's access key" close={close} wide>
      <div class="stack">
        <p>
          <strong>The secret is shown this once.</strong> Copy it now; whoever loses it registers
          the forwarder again.
        </p>
        <dl class="facts">
          <dt>Access key ID</dt>
          <dd class="row">
            <code>{pair.AccessKeyId}</code>
            <Copy text={pair.AccessKeyId} what="the access key ID" />
          </dd>
          <dt>Access key secret</dt>
          <dd class="row">
            <code>{pair.AccessKeySecret}</code>
            <Copy text={pair.AccessKeySecret} what="the access key secret" />
          </dd>
        </dl>
        <div class="row spread">
          <h3 class="flat">Start it on its machine</h3>
          <Copy text={command} what="the command" />
        </div>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls takes the keyboard. */}
        <pre tabIndex={0}>{command}</pre>
        <div class="row end">
          <button type="button" class="main" onClick={close}>
            I have the secret
          </button>
        </div>
      </div>
    </Dialog>
  );
}
