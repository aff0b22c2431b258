import { useSignal } from '@preact/signals';
import { Choice, Field } from '../ui/field.tsx';
import { type Filters, noFilters, ranges } from './filters.ts';

interface Props {
  readonly filters: Filters;
  readonly show: (filters: Filters) => void;
}

/** The form that narrows what is shown. */
export function Narrow({ filters, show }: Props) {
  const range = useSignal(filters.range);
  const only = useSignal(filters.only);
  const texts = {
    from: useSignal(filters.from),
    to: useSignal(filters.to),
    action: useSignal(filters.action),
    resource: useSignal(filters.resource),
    user: useSignal(filters.user),
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const entries = Object.entries(texts).map(([name, { value }]) => [name, value.trim()]);
    const between = range.value === 'between' ? {} : { from: '', to: '' };
    show({
      ...noFilters,
      ...Object.fromEntries(entries),
      ...between,
      range: range.value,
      only: only.value,
    });
  };
  return (
    <form class="card narrow" onSubmit={submit} aria-label="Filters">
      <Choice
        label="Time"
        value={range.value}
        choose={(value) => {
          range.value = value;
        }}
        options={[
          ...[...ranges].map(([value, { text }]) => ({ value, text })),
          { value: 'between', text: 'Between…' },
        ]}
      />
      {range.value === 'between' && (
        <>
          <Field label="From (UTC)" value={texts.from} placeholder="2026-11-24T08:00:00Z" />
          <Field label="To (UTC)" value={texts.to} placeholder="2026-11-25T08:00:00Z" />
        </>
      )}
      <Field label="Action" value={texts.action} placeholder="RemoveBackendServers" />
      <Field label="Resource" value={texts.resource} placeholder="lb-5…" />
      <Field label="User" value={texts.user} placeholder="root" />
      <Choice
        label="Show"
        value={only.value}
        choose={(value) => {
          only.value = value;
        }}
        options={[
          { value: '', text: 'Everything' },
          { value: 'writes', text: 'Only writes' },
          { value: 'errors', text: 'Only errors' },
        ]}
      />
      <button type="submit" class="main">
        Show
      </button>
    </form>
  );
}
