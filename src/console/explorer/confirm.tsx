import { Dialog } from '../ui/dialog.tsx';
import { withoutSecrets } from './draft.ts';
import type { Form } from './form.ts';

interface Props {
  readonly form: Form;
  readonly decide: (choice: 'yes' | 'dry-run' | 'no') => void;
}

/** Asks again before a call that takes something away. */
export function Confirm({ form, decide }: Props) {
  const { action, root, parameters } = form;
  const shown = withoutSecrets(root, parameters.value).value;
  return (
    <Dialog title={`${action.name} takes something away`} close={() => decide('no')}>
      <p>
        It acts on real resources at once, and what it takes away may not come back. A dry run
        answers what would happen and changes nothing.
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard. */}
      <pre tabIndex={0}>{JSON.stringify(shown, null, 2)}</pre>
      <div class="row choices">
        <button type="button" autofocus onClick={() => decide('no')}>
          Cancel
        </button>
        <button type="button" onClick={() => decide('dry-run')}>
          Dry run instead
        </button>
        <button type="button" class="danger" onClick={() => decide('yes')}>
          {action.name}
        </button>
      </div>
    </Dialog>
  );
}
