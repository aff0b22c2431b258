import { useSignal } from '@preact/signals';
import type { Asked } from '../door.ts';
import { CodeTabs } from './code-tabs.tsx';
import { Dialog } from './dialog.tsx';
import './show-call.css';

interface Props {
  readonly asked: Asked;
}

/** The button beside an action's own that shows the call it makes, ready to copy. */
export function ShowCall({ asked }: Props) {
  const open = useSignal(false);
  const { action } = asked;
  return (
    <>
      <button
        type="button"
        class="quiet code-button"
        aria-label={`API call: ${action}`}
        title={`API call: ${action}`}
        onClick={() => {
          open.value = true;
        }}
      >
        {'</>'}
      </button>
      {open.value && (
        <Dialog
          wide
          title={action}
          close={() => {
            open.value = false;
          }}
        >
          <p>
            The very call that the button makes.{' '}
            <a href={explorerAddress(asked)}>Open it in the Explorer</a>
          </p>
          <CodeTabs languages={languages} request={asked} />
        </Dialog>
      )}
    </>
  );
}

const languages = [
  { id: 'json', title: 'Call', source: (asked: Asked) => JSON.stringify(asked, null, 2) },
];

/** The Explorer's form with the values of a call: parameters as the API's own query has them. */
function explorerAddress({ product, action, parameters = {}, headers = {} }: Asked): string {
  const entries = Object.entries({ ...parameters, ...headers }).map(([name, value]) => [
    name,
    typeof value === 'object' ? JSON.stringify(value) : String(value),
  ]);
  return `/console/explorer/${product}/${action}?${new URLSearchParams(entries)}`;
}
