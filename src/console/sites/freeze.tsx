import { useSignal } from '@preact/signals';
import { call } from '../door.ts';
import { CallDialog } from '../ui/call-dialog.tsx';
import { Field } from '../ui/field.tsx';
import { useLoaded } from '../ui/loaded.ts';
import { timeText } from '../ui/time.ts';
import { Trouble } from '../ui/trouble.tsx';
import { setFreeze } from './asked.ts';

interface Freeze {
  readonly Frozen: boolean;
  readonly Reason: string;
  readonly Since: string;
}

/** Whether changes are held back, and the switch. Those who may not ask see why not. */
export function FreezeSwitch({ news }: { readonly news: number }) {
  const asking = useSignal(false);
  const done = useSignal(0);
  const freeze = useLoaded(
    async () => (await call<Freeze>('Sluice', 'DescribeFreeze')).body,
    [news, done.value],
  );
  const now = freeze.value.value;
  return (
    <section class="card freeze" aria-label="Freeze">
      <Trouble error={freeze.trouble.value} />
      {now && (
        <div class="row spread">
          <div role="status">
            {now.Frozen ? (
              <>
                <span class="badge warn">Frozen</span> Changes are held back since{' '}
                <time dateTime={now.Since}>{timeText(now.Since)}</time>
                {now.Reason && `: ${now.Reason}`}. Traffic goes on.
              </>
            ) : (
              <>
                <span class="badge good">Not frozen</span> Forwarders are told of every change at
                once.
              </>
            )}
          </div>
          <button
            type="button"
            onClick={() => {
              asking.value = true;
            }}
          >
            {now.Frozen ? 'Unfreeze…' : 'Freeze…'}
          </button>
        </div>
      )}
      {asking.value && now && (
        <AskFreeze
          freeze={!now.Frozen}
          close={() => {
            asking.value = false;
          }}
          done={() => {
            asking.value = false;
            done.value += 1;
          }}
        />
      )}
    </section>
  );
}

interface AskProps {
  readonly freeze: boolean;
  readonly close: () => void;
  readonly done: () => void;
}

function AskFreeze({ freeze, close, done }: AskProps) {
  const reason = useSignal('');
  return (
    <CallDialog
      title={freeze ? 'Freeze all sites?' : 'Unfreeze all sites?'}
      submit={freeze ? 'Freeze' : 'Unfreeze'}
      danger={freeze}
      asked={setFreeze(freeze, reason.value.trim())}
      close={close}
      done={done}
    >
      {freeze ? (
        <p>
          Traffic goes on as it is, at every site and for every account. Changes are still taken and
          kept, but <strong>no forwarder learns of them</strong> until you unfreeze: a server that
          is removed meanwhile goes on receiving connections. Drains under way still end at their
          deadlines.
        </p>
      ) : (
        <p>
          Forwarders are told of everything that was changed meanwhile, at once and at every site.
        </p>
      )}
      <Field label="Reason" value={reason} maxLength={200} hint="For whoever reads it later." />
    </CallDialog>
  );
}
