import { useSignal } from '@preact/signals';
import type { Listed } from '../catalogue.ts';
import { takesSomethingAway } from './danger.ts';
import { search } from './search.ts';

interface Props {
  readonly actions: readonly Listed[];
  /** `Ens/DescribeInstances`, where one is open. */
  readonly current: string;
}

/** Every action by product, and a search. Arrow keys go through what is shown. */
export function ActionList({ actions, current }: Props) {
  const text = useSignal('');
  const found = search(actions, text.value);
  const products = [...new Set(actions.map(({ product }) => product))];
  return (
    <nav class="actions" aria-label="Actions" onKeyDown={walk}>
      <label>
        Search actions
        <input
          type="search"
          value={text.value}
          spellcheck={false}
          onInput={(event) => {
            text.value = event.currentTarget.value;
          }}
        />
      </label>
      <p class="unseen" role="status">
        {text.value && `${found.length} actions found`}
      </p>
      {found.length === 0 && <p class="hint">No action has all of these words.</p>}
      {products.map((product) => (
        <Group
          key={product}
          product={product}
          actions={found.filter((action) => action.product === product)}
          current={current}
          isOpen={text.value !== '' || current.startsWith(`${product}/`) || current === ''}
        />
      ))}
    </nav>
  );
}

interface GroupProps extends Props {
  readonly product: string;
  readonly isOpen: boolean;
}

function Group({ product, actions, current, isOpen }: GroupProps) {
  if (actions.length === 0) return null;
  return (
    <details open={isOpen}>
      <summary>
        {product} <small>{actions.length}</small>
      </summary>
      <ul>
        {actions.map((action) => {
          const place = `${product}/${action.name}`;
          return (
            <li key={action.name}>
              <a
                href={`/console/explorer/${place}`}
                title={action.summary}
                aria-current={place === current ? 'page' : undefined}
                class={takesSomethingAway(action) ? 'takes-away' : undefined}
              >
                {action.name}
              </a>
            </li>
          );
        })}
      </ul>
    </details>
  );
}

/** Up and down move between the search and the actions that are shown. */
function walk(event: KeyboardEvent & { readonly currentTarget: HTMLElement }): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined) return;
  const stops = [...event.currentTarget.querySelectorAll<HTMLElement>('input, summary, a')].filter(
    (each) => each.checkVisibility(),
  );
  const at = stops.indexOf(document.activeElement as HTMLElement);
  const next = stops[at + step];
  if (at < 0 || next === undefined) return;
  event.preventDefault();
  next.focus();
}
