import type { ComponentChildren, TargetedEvent } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import './dialog.css';

interface Props {
  readonly title: string;
  /** Told when a person leaves: by the button, by Escape, or since it is done. */
  readonly close: () => void;
  readonly wide?: boolean;
  readonly children: ComponentChildren;
}

/**
 * A dialog over the page, for as long as it is rendered. The browser keeps the focus inside and
 * gives it back afterwards to what had it.
 */
export function Dialog({ title, close, wide = false, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    // The browser would take the first button, which only closes it again.
    shown?.querySelector<HTMLElement>('input, select, textarea')?.focus();
    return () => shown?.close();
  }, []);
  const left = ({ currentTarget }: TargetedEvent<HTMLDialogElement>) => {
    // Told late: of a dialog that is rendered no more, another one may stand in its place.
    if (currentTarget.isConnected) close();
  };
  return (
    <dialog ref={dialog} class={wide ? 'wide' : undefined} aria-labelledby={id} onClose={left}>
      <header>
        <h2 id={id}>{title}</h2>
        <button type="button" class="quiet" aria-label="Close" onClick={close}>
          ✕
        </button>
      </header>
      {children}
    </dialog>
  );
}
