import type { Signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useId } from 'preact/hooks';

interface Props {
  readonly label: string;
  readonly value: Signal<string>;
  readonly hint?: string;
  readonly type?: 'text' | 'search' | 'number';
  readonly required?: boolean;
  readonly min?: number;
  readonly max?: number;
  readonly maxLength?: number;
  readonly placeholder?: string;
  readonly name?: string;
  /** A regular expression that the whole must match. */
  readonly pattern?: string;
  /** The id of a datalist with what could be meant. */
  readonly list?: string;
}

/** An input with its label, bound to a signal. */
export function Field({ label, value, hint, ...rest }: Props) {
  // The types tell inputs apart by a `type` that is written out.
  const input = rest as JSX.IntrinsicElements['input'];
  const id = useId();
  return (
    <div class="stack tight">
      <label for={id}>{label}</label>
      <input
        {...input}
        id={id}
        value={value.value}
        autocomplete="off"
        aria-describedby={hint && `${id}-hint`}
        onInput={({ currentTarget }) => {
          value.value = currentTarget.value;
        }}
      />
      {hint && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  );
}

interface Option {
  readonly value: string;
  readonly text: string;
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly choose: (value: string) => void;
  readonly options: readonly Option[];
  readonly hint?: string;
  readonly disabled?: boolean;
}

/** A choice among a few. */
export function Choice({ label, value, choose, options, hint, disabled = false }: ChoiceProps) {
  const id = useId();
  return (
    <div class="stack tight">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        disabled={disabled}
        aria-describedby={hint && `${id}-hint`}
        onChange={({ currentTarget }) => choose(currentTarget.value)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.text}
          </option>
        ))}
      </select>
      {hint && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  );
}
