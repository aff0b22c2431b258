import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import './tabs.css';

interface Props<Name extends string> {
  readonly label: string;
  readonly names: readonly Name[];
  readonly chosen: Name;
  readonly choose: (name: Name) => void;
  /** What the chosen one shows. */
  readonly children: ComponentChildren;
}

const steps: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowLeft: -1 };

/** Tabs as the ARIA practices have them: arrow keys choose, one tab stop for all. */
export function Tabs<Name extends string>(props: Props<Name>) {
  const { label, names, chosen, choose, children } = props;
  const id = useId();
  const at = names.indexOf(chosen);
  const step = (event: KeyboardEvent) => {
    const by = steps[event.key];
    if (by === undefined) return;
    const next = (at + by + names.length) % names.length;
    event.preventDefault();
    choose(names[next]!);
    document.getElementById(`${id}-${next}`)?.focus();
  };
  return (
    <div class="tabs">
      <div role="tablist" aria-label={label} onKeyDown={step}>
        {names.map((name, index) => (
          <button
            type="button"
            role="tab"
            key={name}
            id={`${id}-${index}`}
            aria-selected={index === at}
            aria-controls={`${id}-panel`}
            tabIndex={index === at ? 0 : -1}
            onClick={() => choose(name)}
          >
            {name}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${at}`}>
        {children}
      </div>
    </div>
  );
}
