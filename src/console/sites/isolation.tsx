import { useSignal } from '@preact/signals';
import { CallDialog } from '../ui/call-dialog.tsx';
import { setSiteIsolation } from './asked.ts';

interface Props {
  readonly site: {
    readonly EnsRegionId: string;
    readonly Isolation: string;
    readonly WhenAllIsolated: string;
  };
  readonly changed: () => void;
}

/** What each choice means, as label and help. */
const choices = [
  {
    isolation: 'serve',
    whenAll: 'none',
    label: 'Serve',
    help: 'A forwarder that reaches no control plane goes on serving, and stays counted.',
  },
  {
    isolation: 'fence',
    whenAll: 'none',
    label: 'Fence',
    help:
      'Its engines refuse the traffic of the site within 3 seconds. The site serves nothing ' +
      'while no forwarder reaches a control plane.',
  },
  {
    isolation: 'fence',
    whenAll: 'last-serves',
    label: 'Fence all but one',
    help: 'As Fence, but the first forwarder by name goes on serving, and stays counted.',
  },
] as const;

/** The isolation policy of a site, and how to change it. */
export function Isolation({ site, changed }: Props) {
  const isOpen = useSignal(false);
  const current = choices.findIndex(
    ({ isolation, whenAll }) =>
      isolation === site.Isolation && (isolation === 'serve' || whenAll === site.WhenAllIsolated),
  );
  return (
    <>
      {choices[current]?.label ?? site.Isolation}{' '}
      <button
        type="button"
        class="quiet"
        aria-label={`Change what forwarders of ${site.EnsRegionId} do when cut off`}
        onClick={() => {
          isOpen.value = true;
        }}
      >
        Change
      </button>
      {isOpen.value && (
        <Change
          site={site}
          current={current}
          close={() => {
            isOpen.value = false;
          }}
          done={() => {
            isOpen.value = false;
            changed();
          }}
        />
      )}
    </>
  );
}

interface ChangeProps extends Pick<Props, 'site'> {
  readonly current: number;
  readonly close: () => void;
  readonly done: () => void;
}

function Change({ site, current, close, done }: ChangeProps) {
  const chosen = useSignal(Math.max(0, current));
  const { isolation, whenAll } = choices[chosen.value]!;
  return (
    <CallDialog
      title={`Forwarders of ${site.EnsRegionId} that reach no control plane`}
      submit="Save"
      asked={setSiteIsolation(site.EnsRegionId, isolation, whenAll)}
      close={close}
      done={done}
    >
      <fieldset>
        <legend>When cut off</legend>
        {choices.map(({ label, help }, index) => (
          <label key={label} class="check">
            <input
              type="radio"
              name="isolation"
              checked={chosen.value === index}
              onChange={() => {
                chosen.value = index;
              }}
            />{' '}
            <strong>{label}</strong>
            <small class="below">{help}</small>
          </label>
        ))}
      </fieldset>
    </CallDialog>
  );
}
