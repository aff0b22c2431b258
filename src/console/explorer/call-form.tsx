import { batch, type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Copy } from '../ui/copy.tsx';
import { Confirm } from './confirm.tsx';
import { isWrite, takesSomethingAway } from './danger.ts';
import { exampleOf } from './draft.ts';
import { type Form, fetchChecker, fill } from './form.ts';
import { CallOptions, setOption } from './options.tsx';
import { Parts } from './parts.tsx';
import type { Trial } from './trial.ts';

interface Props {
  readonly form: Form;
  readonly trial: Signal<Trial | undefined>;
  /** Makes the call. */
  readonly call: () => void;
}

/** The form of an action, and the button that makes the call. */
export function CallForm({ form, trial, call }: Props) {
  const { action, root, draft, problems, isChecked } = form;
  const asks = useSignal(false);
  const refusals = useSignal(0);
  const element = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (refusals.value > 0) focusProblem(element.current);
  }, [refusals.value]);
  const ask = () => {
    if (takesSomethingAway(action) && !isDryRun(form)) asks.value = true;
    else call();
  };
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (trial.value?.isRunning) return;
    await fetchChecker();
    batch(() => {
      isChecked.value = true;
      if (problems.value.size > 0) refusals.value += 1;
      else ask();
    });
  };
  return (
    <form
      ref={element}
      class="call-form"
      noValidate
      aria-label={`Call ${action.name}`}
      onSubmit={(event) => void submit(event)}
      onFocusIn={() => void fetchChecker()}
    >
      {root.members?.length === 0 ? (
        <p class="hint">This action takes no parameters.</p>
      ) : (
        <Parts form={form} field={root} path={[]} draft={draft.value} />
      )}
      <CallOptions form={form} />
      <Foot form={form} isRunning={trial.value?.isRunning === true} sendAnyway={ask} />
      {asks.value && (
        <Confirm
          form={form}
          decide={(choice) => {
            asks.value = false;
            if (choice === 'no') return;
            if (choice === 'dry-run') setOption(form, 'x-sluice-dry-run', 'true');
            call();
          }}
        />
      )}
    </form>
  );
}

function isDryRun({ options }: Form): boolean {
  return options.value['x-sluice-dry-run'] === 'true';
}

/** The first control that is wrong gets the focus. */
function focusProblem(form: HTMLFormElement | null): void {
  const place = form?.querySelector('.problem')?.parentElement;
  place?.querySelector<HTMLElement>('input, select, textarea, .add')?.focus();
}

interface FootProps {
  readonly form: Form;
  readonly isRunning: boolean;
  readonly sendAnyway: () => void;
}

/** What stays in sight below a long form: how to call, and what to know before. */
function Foot({ form, isRunning, sendAnyway }: FootProps) {
  const { action, options, problems, parameters, address } = form;
  const wrong = problems.value.size;
  const { omitted } = address.value;
  return (
    <div class="call-foot">
      <div role="alert">
        {wrong > 0 && (
          <p class="trouble row spread">
            <span>{wrong === 1 ? 'One value needs' : `${wrong} values need`} another look.</span>
            {parameters.value !== undefined && (
              <button type="button" onClick={sendAnyway}>
                Send anyway
              </button>
            )}
          </p>
        )}
      </div>
      <div class="row">
        <button type="submit" class="main" disabled={isRunning}>
          {isRunning ? 'Calling…' : 'Try it'}
        </button>
        <label class="check">
          <input
            type="checkbox"
            checked={options.value.Format === 'XML'}
            onChange={(event) =>
              setOption(form, 'Format', event.currentTarget.checked ? 'XML' : '')
            }
          />
          Answer in XML
        </label>
        {isWrite(action) && (
          <label class="check">
            <input
              type="checkbox"
              checked={isDryRun(form)}
              onChange={(event) =>
                setOption(form, 'x-sluice-dry-run', event.currentTarget.checked ? 'true' : '')
              }
            />
            Dry run
          </label>
        )}
      </div>
      <p class="hint">
        {isWrite(action)
          ? 'Acts on real resources, with your own rights. A dry run changes nothing.'
          : 'Reads only, with your own rights.'}
        {omitted.length > 0 && ` The address does not hold ${omitted.join(', ')}.`}
      </p>
    </div>
  );
}

/** What fills or empties the form, or tells others of it. */
export function FormTools({ form }: { readonly form: Form }) {
  const { action, address } = form;
  const link = `${location.origin}/console/explorer/${action.product}/${action.name}`;
  return (
    <div class="row">
      {Object.keys(action.parameters.properties ?? {}).length > 0 && (
        <>
          <button type="button" onClick={() => fill(form, exampleOf(form.root))}>
            Fill with example
          </button>
          <button type="button" class="quiet" onClick={() => fill(form, {})}>
            Clear
          </button>
        </>
      )}
      <Copy text={`${link}${address.value.query}`} what="link" label="Copy link" />
    </div>
  );
}
