import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

interface Props {
  readonly text: string;
  /** For screen readers: `the body`. */
  readonly what: string;
  readonly label?: string;
}

/** Puts a text on the clipboard and says so; where the browser refuses, selects it to be copied. */
export function Copy({ text, what, label = 'Copy' }: Props) {
  const said = useSignal('');
  const isManual = useSignal(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      said.value = 'Copied';
    } catch {
      // Browsers give the clipboard to https and to this machine only.
      isManual.value = true;
    }
  };
  if (isManual.value) return <Selected text={text} what={what} />;
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

function Selected({ text, what }: Pick<Props, 'text' | 'what'>) {
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  return (
    <label class="stack tight">
      <small>Selected: press Ctrl+C or ⌘C. The browser allows the button over HTTPS only.</small>
      <textarea
        ref={field}
        aria-label={`Text of ${what}, selected`}
        readOnly
        rows={2}
        value={text}
      />
    </label>
  );
}
