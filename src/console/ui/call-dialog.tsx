import type { ComponentChildren } from 'preact';
import type { Asked } from '../door.ts';
import { useAttempt } from './attempt.ts';
import { Dialog } from './dialog.tsx';
import { ShowCall } from './show-call.tsx';
import { Trouble } from './trouble.tsx';

interface Props<Body> {
  readonly title: string;
  /** The call with what the person has chosen by now. */
  readonly asked: Asked;
  /** What the button that makes it says. */
  readonly submit: string;
  /** It takes something away. */
  readonly danger?: boolean;
  readonly disabled?: boolean;
  readonly wide?: boolean;
  readonly close: () => void;
  /** Told when it worked; the dialog is then the caller's to close. */
  readonly done: (body: Body) => void;
  /** Says why it failed, where the caller can say it better; `retry` makes another call. */
  readonly explain?: (error: unknown, retry: (asked: Asked) => void) => ComponentChildren;
  readonly children?: ComponentChildren;
}

/** A dialog that ends in one call, with the code of that call. */
export function CallDialog<Body>(props: Props<Body>) {
  const { title, asked, submit, danger, disabled, wide = false, close, done, children } = props;
  const { busy, trouble, run } = useAttempt();
  const { explain = (error) => <Trouble error={error} /> } = props;
  const make = async (wanted: Asked) => {
    const answer = await run<Body>(wanted);
    if (answer !== undefined) done(answer.body);
  };
  return (
    <Dialog title={title} close={close} wide={wide}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void make(asked);
        }}
      >
        {children}
        {trouble.value !== undefined && explain(trouble.value, make)}
        <div class="row end">
          <ShowCall asked={asked} />
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button
            type="submit"
            class={danger ? 'danger' : 'main'}
            disabled={busy.value || disabled === true}
          >
            {submit}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
