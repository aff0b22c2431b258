import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import type { ActionDescription } from '../../sdk/describe.ts';
import { ActionList } from '../explorer/action-list.tsx';
import { describeAction, type Listed, listActions } from '../explorer/catalogue.ts';
import { Workbench } from '../explorer/workbench.tsx';
import { Trouble } from '../ui/trouble.tsx';
import '../explorer/explorer.css';

interface Props {
  readonly product?: string;
  readonly action?: string;
}

/** Every action: its form, the call, and the code that makes it. */
export default function Explorer({ product = '', action = '' }: Props) {
  const { url, route } = useLocation();
  const listed = useFetched(listActions, 'all');
  const place = action === '' ? '' : `${product}/${action}`;
  const described = useFetched(() => describeAction(product, action), place);
  /** Counts what was opened from the history: its address may be open already. */
  const openings = useSignal(0);
  /** A phone has room for one of the two. */
  const isListShown = useSignal(place === '');
  useEffect(() => {
    document.title = `${action || 'Explorer'} – Sluice`;
    isListShown.value = place === '';
  }, [place]);
  const open = (address: string) => {
    route(address);
    openings.value += 1;
  };
  return (
    <div class={`explorer ${isListShown.value ? 'lists' : ''}`}>
      <div class="list-column">
        <Trouble error={listed.trouble} />
        <ActionList actions={listed.value ?? []} current={place} />
      </div>
      {place !== '' && (
        <button
          type="button"
          class="quiet to-list"
          onClick={() => {
            isListShown.value = !isListShown.value;
          }}
        >
          {isListShown.value ? `Back to ${action}` : 'All actions'}
        </button>
      )}
      {place === '' && <Welcome actions={listed.value ?? []} />}
      {described.trouble !== undefined && <Trouble error={described.trouble} />}
      {described.value && (
        <Workbench key={`${url} ${openings.value}`} action={described.value} open={open} />
      )}
    </div>
  );
}

/** What a question to the control plane gave, asked again when `key` changes; none for ''. */
function useFetched<Value>(ask: () => Promise<Value>, key: string) {
  const state = useSignal<{ key: string; value?: Value; trouble?: unknown }>({ key });
  useEffect(() => {
    if (key === '') return;
    let isWanted = true;
    ask().then(
      (value) => {
        if (isWanted) state.value = { key, value };
      },
      (trouble: unknown) => {
        if (isWanted) state.value = { key, trouble };
      },
    );
    return () => {
      isWanted = false;
    };
  }, [key]);
  // What was fetched for another key is no answer to this one.
  const { value, trouble } = state.value.key === key ? state.value : {};
  return { value, trouble };
}

const first = [
  'Ens/DescribeLoadBalancers',
  'Ens/RemoveBackendServers',
  'Sluice/DescribeDrains',
  'Ram/CreateUser',
];

function Welcome({ actions }: { readonly actions: readonly Listed[] }) {
  const shown = actions.filter(({ product, name }) => first.includes(`${product}/${name}`));
  return (
    <div class="welcome">
      <h1>Explorer</h1>
      <p>
        Choose an action: fill in its form, try it here with your own rights, and take the code
        that makes the same call in your language. Keys never leave the control plane.
      </p>
      <ul>
        {shown.map(({ product, name, summary }) => (
          <li key={name}>
            <a href={`/console/explorer/${product}/${name}`}>{name}</a> {summary}
          </li>
        ))}
      </ul>
    </div>
  );
}
