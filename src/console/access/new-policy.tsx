import { useSignal } from '@preact/signals';
import { useLocation } from 'preact-iso';
import { firstDraft } from '../policy/document.ts';
import { EditablePolicy } from '../policy/editable.tsx';
import { faultOf } from '../policy/faults.ts';
import { useAttempt } from '../ui/attempt.ts';
import { Field } from '../ui/field.tsx';
import { ShowCall } from '../ui/show-call.tsx';
import { Trouble } from '../ui/trouble.tsx';
import { policyAddress, ram } from './ram.ts';

/** Makes a policy. */
export default function NewPolicy() {
  const { route } = useLocation();
  const { busy, trouble, run } = useAttempt();
  const name = useSignal('');
  const description = useSignal('');
  const draft = useSignal(firstDraft);
  const asked = ram('CreatePolicy', {
    PolicyName: name.value.trim(),
    PolicyDocument: draft.value,
    ...(description.value.trim() === '' ? {} : { Description: description.value.trim() }),
  });
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if ((await run(asked)) !== undefined) route(policyAddress('Custom', name.value.trim()));
  };
  return (
    <form class="stack" onSubmit={submit}>
      <h1>Create policy</h1>
      <Field
        label="Name"
        value={name}
        required
        maxLength={128}
        pattern="[A-Za-z0-9\-]+"
        hint="Letters, digits and -."
      />
      <Field label="Description" value={description} maxLength={1_024} />
      <EditablePolicy label="Policy document" kind="identity" text={firstDraft} draft={draft} />
      <Trouble error={trouble.value} />
      <div class="row end">
        <ShowCall asked={asked} />
        <a class="button" href="/console/access/policies">
          Cancel
        </a>
        <button
          type="submit"
          class="main"
          disabled={busy.value || faultOf(draft.value, 'identity') !== undefined}
        >
          Create
        </button>
      </div>
    </form>
  );
}
