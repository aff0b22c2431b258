import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { Choice, Field } from '../ui/field.tsx';
import type { ListState } from './list-state.ts';

interface Props {
  readonly state: ListState;
  readonly sites: readonly string[];
  readonly show: (change: Partial<ListState>) => void;
}

/** Milliseconds without a key until a search is made: whoever types on means more than that. */
const pauseMs = 250;

const statuses = [
  { value: '', text: 'Any status' },
  { value: 'Active', text: 'Active' },
  { value: 'InActive', text: 'InActive' },
];

/** What narrows the list. */
export function Filters({ state, sites, show }: Props) {
  const typed = useSignal(state.search);
  useEffect(() => {
    typed.value = state.search;
  }, [state.search]);
  useEffect(() => {
    if (typed.value === state.search) return;
    const timer = setTimeout(() => show({ search: typed.value }), pauseMs);
    return () => clearTimeout(timer);
  }, [typed.value]);
  const every = { value: '', text: 'Every site' };
  return (
    <search class="row filters">
      <Field label="Search" type="search" value={typed} placeholder="Name, ID or address" />
      <Choice
        label="Site"
        value={state.site}
        options={[every, ...sites.map((id) => ({ value: id, text: id }))]}
        choose={(site) => show({ site })}
      />
      <Choice
        label="Status"
        value={state.status}
        options={statuses}
        choose={(status) => show({ status })}
      />
    </search>
  );
}
