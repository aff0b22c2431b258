import { useSignal } from '@preact/signals';
import { describeAction } from '../catalogue.ts';
import type { Asked } from '../door.ts';
import { CodeTabs } from './code-tabs.tsx';
import { Dialog } from './dialog.tsx';
import { useLoaded } from './loaded.ts';
import { Trouble } from './trouble.tsx';
import './show-call.css';

interface Props {
  /** The call with what the person has chosen by now. */
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
          <Code asked={asked} />
        </Dialog>
      )}
    </>
  );
}

function Code({ asked }: Props) {
  const { product, action, parameters = {}, headers = {} } = asked;
  const loaded = useLoaded(async () => {
    const [description, { languages }] = await Promise.all([
      describeAction(product, action),
      import('../../sdk/samples/index.ts'),
    ]);
    return { description, offered: languages.filter((each) => each.offers(description)) };
  }, [product, action]);
  const { description, offered } = loaded.value.value ?? {};
  return (
    <div class="call-code">
      <Trouble error={loaded.trouble.value} />
      {description && offered && (
        <CodeTabs
          languages={offered}
          request={{ action: description, values: parameters, headers, endpoint: location.origin }}
        />
      )}
    </div>
  );
}

/** The Explorer's form with the values of a call: parameters as the API's own query has them. */
function explorerAddress({ product, action, parameters = {}, headers = {} }: Asked): string {
  const entries = Object.entries({ ...parameters, ...headers }).map(([name, value]) => [
    name,
    typeof value === 'object' ? JSON.stringify(value) : String(value),
  ]);
  return `/console/explorer/${product}/${action}?${new URLSearchParams(entries)}`;
}
