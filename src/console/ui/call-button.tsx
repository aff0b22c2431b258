import type { ComponentChildren } from 'preact';
import type { Asked } from '../door.ts';
import { useAttempt } from './attempt.ts';
import { ShowCall } from './show-call.tsx';
import { Trouble } from './trouble.tsx';
import './call-button.css';

interface Props {
  readonly asked: Asked;
  readonly danger?: boolean;
  /** What it acts on, for screen readers: `Stop listener tcp:80`. */
  readonly label?: string;
  /** Called when it worked, where the button may be gone by then. */
  readonly done?: () => void;
  readonly children: ComponentChildren;
}

/** A button that makes a call at once, beside it the code of the call. */
export function CallButton({ asked, danger = false, label, done, children }: Props) {
  const { busy, trouble, run } = useAttempt();
  const make = async () => {
    if ((await run(asked)) !== undefined) done?.();
  };
  return (
    <span class="call-button">
      <span class="row">
        <button
          type="button"
          class={danger ? 'danger' : undefined}
          aria-label={label}
          disabled={busy.value}
          onClick={() => void make()}
        >
          {children}
        </button>
        <ShowCall asked={asked} />
      </span>
      <Trouble error={trouble.value} />
    </span>
  );
}
