import type { Field } from '../../sdk/fields.ts';
import type { Draft, Path } from './draft.ts';
import { type Form, put } from './form.ts';
import { Offers, offerFor } from './offers.tsx';

export interface InputProps {
  readonly form: Form;
  readonly field: Field;
  readonly path: Path;
  readonly draft: Draft | undefined;
}

/** The element of a part of the form, for labels and for the focus. */
export const idOf = (path: Path) => ['parameter', ...path].join('-');

/** The control of one value, with what is told about it. */
export function Single({ form, field, path, draft }: InputProps) {
  const id = idOf(path);
  const problem = form.problems.value.get(path.join('.'));
  const isHinted = field.text !== '' || field.secret;
  const described = [...(isHinted ? [`${id}-text`] : []), ...(problem ? [`${id}-problem`] : [])];
  return (
    <div class="field">
      <FieldLabel field={field} path={path} id={id} />
      <Control
        field={field}
        value={typeof draft === 'string' ? draft : ''}
        change={(text) => put(form, path, text)}
        attributes={{
          id,
          'aria-required': field.required || undefined,
          'aria-invalid': problem ? 'true' : undefined,
          'aria-describedby': described.join(' ') || undefined,
        }}
      />
      {isHinted && (
        <p class="hint" id={`${id}-text`}>
          {field.text} {field.secret && 'Left out of the address and of the history.'}
        </p>
      )}
      <ProblemText id={id} text={problem} />
    </div>
  );
}

/** The name, which for an entry of a list of values is its place. */
function FieldLabel({
  field,
  path,
  id,
}: Pick<InputProps, 'field' | 'path'> & { readonly id: string }) {
  const last = path.at(-1);
  return (
    <div class="field-name">
      <label for={id}>
        {typeof last === 'number' ? `${field.name} ${last + 1}` : field.name}
        {field.required && <Star />}
      </label>
      <small>{[field.type, field.range].filter(Boolean).join(', ')}</small>
    </div>
  );
}

/** Says to eyes what `aria-required` says to screen readers. */
export function Star() {
  return (
    <span class="star" aria-hidden="true" title="Required">
      *
    </span>
  );
}

export function ProblemText({
  id,
  text,
}: {
  readonly id: string;
  readonly text: string | undefined;
}) {
  if (text === undefined) return null;
  return (
    <p class="problem" id={`${id}-problem`}>
      {text}
    </p>
  );
}

interface ControlProps {
  readonly field: Field;
  readonly value: string;
  readonly change: (text: string) => void;
  readonly attributes: Readonly<Record<string, string | boolean | undefined>>;
}

function Control({ field, value, change, attributes }: ControlProps) {
  const choices = field.type === 'boolean' ? ['true', 'false'] : field.choices;
  const onInput = (event: Event) =>
    change((event.currentTarget as HTMLInputElement | HTMLTextAreaElement).value);
  if (choices !== undefined) {
    // A value that is none of them came by an address or by JSON: it is shown, not changed.
    const shown = value === '' || choices.includes(value) ? choices : [...choices, value];
    return (
      <select {...attributes} value={value} onChange={onInput}>
        <option value="">{field.fallback ? `${field.fallback} (default)` : 'not set'}</option>
        {shown.map((choice) => (
          <option key={choice} value={choice}>
            {choice}
          </option>
        ))}
      </select>
    );
  }
  // A number is typed as a text: what is none can be sent too, to see what the API says.
  const isNumber = field.type === 'integer' || field.type === 'number';
  const hints = {
    placeholder: field.fallback,
    inputMode: isNumber ? ('numeric' as const) : undefined,
    spellcheck: false,
    autocomplete: 'off',
  };
  if (field.multiline) {
    return <textarea {...attributes} {...hints} rows={4} value={value} onInput={onInput} />;
  }
  const offer = offerFor(field.name);
  if (offer !== undefined) {
    const id = `${attributes.id}-offers`;
    return (
      <>
        <input
          {...attributes}
          {...hints}
          list={id}
          value={value}
          onInput={onInput}
          onFocus={offer.refresh}
        />
        <Offers id={id} offer={offer} />
      </>
    );
  }
  const all = { ...attributes, ...hints, value, onInput };
  return field.secret ? <input {...all} type="password" /> : <input {...all} />;
}
