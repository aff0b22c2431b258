import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { describeAction, type Listed, listActions } from '../catalogue.ts';
import { ActionList } from '../explorer/action-list.tsx';
import { Workbench } from '../explorer/workbench.tsx';
import { useLoaded } from '../ui/loaded.ts';
import { Trouble } from '../ui/trouble.tsx';
import '../explorer/explorer.css';

interface Props {
  readonly product?: string;
  readonly action?: string;
}

/** Every action: its form, the call, and the code that makes it. */
export default function Explorer({ product = '', action = '' }: Props) {
  const { url, route } = useLocation();
  const place = action === '' ? '' : `${product}/${action}`;
  const listed = useLoaded(listActions, []);
  const described = useLoaded(
    async () => (place === '' ? undefined : describeAction(product, action)),
    [place],
  );
  const description = described.value.value;
  // While another loads, the one before is still there.
  const isHere = description?.product === product && description.name === action;
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
        <Trouble error={listed.trouble.value} />
        <ActionList actions={listed.value.value ?? []} current={place} />
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
      {place === '' && <Welcome actions={listed.value.value ?? []} />}
      {place !== '' && !isHere && <Trouble error={described.trouble.value} />}
      {description && isHere && (
        <Workbench key={`${url} ${openings.value}`} action={description} open={open} />
      )}
    </div>
  );
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
        Choose an action: fill in its form, try it here with your own rights, and take the code that
        makes the same call in your language. Keys never leave the control plane.
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
