import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Field } from '../../sdk/fields.ts';
import { draftOf, isList, itemOf, meant, strays } from './draft.ts';
import { newEntry, put } from './form.ts';
import { type InputProps, idOf, ProblemText, Single, Star } from './inputs.tsx';

/** The control of one parameter, or of one of its parts. */
function FieldInput(props: InputProps) {
  const { type } = props.field;
  return type === 'list' || type === 'object' ? <Complex {...props} /> : <Single {...props} />;
}

function Complex({ form, field, path, draft }: InputProps) {
  const id = idOf(path);
  const last = path.at(-1);
  const isEntry = typeof last === 'number';
  const problem = form.problems.value.get(path.join('.'));
  return (
    <fieldset id={id} class="complex" aria-describedby={problem && `${id}-problem`}>
      <legend>
        {isEntry ? `${field.name} ${last + 1}` : field.name}
        {field.required && (
          <>
            <Star />
            <span class="unseen"> (required)</span>
          </>
        )}
      </legend>
      {field.text && !isEntry && <p class="hint">{field.text}</p>}
      <Parts form={form} field={field} path={path} draft={draft} />
    </fieldset>
  );
}

/** A list or an object in its parts, or as JSON to paste. The whole form is one too. */
export function Parts({ form, field, path, draft = '' }: InputProps) {
  const wantsText = useSignal(false);
  const objection = useSignal('');
  // Only an empty text leaves open which of the two it is.
  const isText = typeof draft === 'string' && (draft !== '' || wantsText.value);
  const toggle = () => {
    const value = meant(field, draft);
    objection.value = isText ? whyNotInParts(field, value) : '';
    if (objection.value !== '') return;
    wantsText.value = !isText;
    const empty = field.type === 'list' ? [] : {};
    put(form, path, isText ? draftOf(field, value) : JSON.stringify(value ?? empty, null, 2));
  };
  return (
    <>
      {(path.length < 2 || isText) && (
        <div class="as-text">
          <button type="button" class="quiet" aria-pressed={isText} onClick={toggle}>
            {path.length === 0 ? 'All as JSON' : 'As JSON'}
          </button>
          <span role="status">{objection}</span>
        </div>
      )}
      {isText ? (
        <JsonText form={form} field={field} path={path} draft={draft} />
      ) : field.type === 'list' ? (
        <Entries form={form} field={field} path={path} draft={draft} />
      ) : (
        <Members form={form} field={field} path={path} draft={draft} />
      )}
      <ProblemText id={idOf(path)} text={form.problems.value.get(path.join('.'))} />
    </>
  );
}

function whyNotInParts(field: Field, value: unknown): string {
  if (typeof value === 'string') return 'This is no JSON yet.';
  const names = strays(field, value).join(', ');
  return names === '' ? '' : `The form has no place for: ${names}.`;
}

function JsonText({ form, field, path, draft }: InputProps) {
  const problem = form.problems.value.get(path.join('.'));
  return (
    <textarea
      class="mono"
      aria-label={`${field.name || 'Parameters'} as JSON`}
      aria-invalid={problem ? 'true' : undefined}
      aria-describedby={problem && `${idOf(path)}-problem`}
      rows={path.length === 0 ? 16 : 8}
      spellcheck={false}
      value={typeof draft === 'string' ? draft : ''}
      onInput={(event) => put(form, path, event.currentTarget.value)}
    />
  );
}

function Members({ form, field, path, draft }: InputProps) {
  const parts = typeof draft === 'object' && !isList(draft) ? draft : {};
  const { members = [] } = field;
  return (
    <>
      {members.map((member) => (
        <FieldInput
          key={member.name}
          form={form}
          field={member}
          path={[...path, member.name]}
          draft={parts[member.name]}
        />
      ))}
    </>
  );
}

function Entries({ form, field, path, draft }: InputProps) {
  const entries = draft !== undefined && isList(draft) ? draft : [];
  const box = useRef<HTMLDivElement>(null);
  const added = useRef(false);
  useEffect(() => {
    if (!added.current) return;
    added.current = false;
    box.current?.lastElementChild?.querySelector<HTMLElement>('input, select, textarea')?.focus();
  });
  const add = () => {
    added.current = true;
    put(form, path, [...entries, newEntry(field)]);
  };
  const remove = (at: number) => {
    put(form, path, entries.toSpliced(at, 1));
    // What had the focus is gone; the next thing to do stands here.
    document.getElementById(`${idOf(path)}-add`)?.focus();
  };
  return (
    <>
      <div class="entries" ref={box}>
        {entries.map((entry, at) => (
          <div class="entry" key={at}>
            <FieldInput form={form} field={itemOf(field)} path={[...path, at]} draft={entry} />
            <button
              type="button"
              class="quiet remove"
              aria-label={`Remove ${field.name} ${at + 1}`}
              onClick={() => remove(at)}
            >
              Remove
            </button>
          </div>
        ))}
      </div>
      <button type="button" class="add" id={`${idOf(path)}-add`} onClick={add}>
        Add {field.name}
      </button>
    </>
  );
}
