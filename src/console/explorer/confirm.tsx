import { useEffect, useRef } from 'preact/hooks';
import { withoutSecrets } from './draft.ts';
import type { Form } from './form.ts';

type Choice = 'yes' | 'dry-run' | 'no';

interface Props {
  readonly form: Form;
  /** Told what the person chose; `no` also when the dialog is closed in another way. */
  readonly decide: (choice: Choice) => void;
}

/** Asks again before a call that takes something away. */
export function Confirm({ form, decide }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const { action, root, parameters } = form;
  const shown = withoutSecrets(root, parameters.value).value;
  return (
    <dialog
      ref={dialog}
      aria-labelledby="confirm-title"
      onClose={() => decide((dialog.current?.returnValue as Choice) || 'no')}
    >
      <form method="dialog" class="stack">
        <h2 id="confirm-title">{action.name} takes something away</h2>
        <p>
          It acts on real resources at once, and what it takes away may not come back. A dry run
          answers what would happen and changes nothing.
        </p>
        <pre>{JSON.stringify(shown, null, 2)}</pre>
        <div class="row">
          {/* biome-ignore lint/a11y/noAutofocus: a dialog that opens gives the safe choice focus. */}
          <button type="submit" value="no" autofocus>
            Cancel
          </button>
          <button type="submit" value="dry-run">
            Dry run instead
          </button>
          <button type="submit" value="yes" class="danger">
            {action.name}
          </button>
        </div>
      </form>
    </dialog>
  );
}
