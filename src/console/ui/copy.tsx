import { useSignal } from '@preact/signals';

interface Props {
  readonly text: string;
  /** For screen readers: `the body`. */
  readonly what: string;
  readonly label?: string;
}

/** Puts a text on the clipboard, and says that it did. */
export function Copy({ text, what, label = 'Copy' }: Props) {
  const said = useSignal('');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      said.value = 'Copied';
    } catch {
      // Browsers give the clipboard to https and to this machine only.
      said.value = 'Not allowed here';
    }
  };
  return (
    <span class="row">
      <span role="status" class="hint">
        {said}
      </span>
      <button type="button" aria-label={`Copy ${what}`} onClick={() => void copy()}>
        {label}
      </button>
    </span>
  );
}
