import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';

interface Props<Name extends string> {
  readonly label: string;
  readonly names: readonly Name[];
  readonly chosen: Signal<Name>;
  /** What the chosen one shows. */
  readonly children: ComponentChildren;
}

/** Tabs as the ARIA practices have them: arrow keys choose, one tab stop for all. */
export function Tabs<Name extends string>({ label, names, chosen, children }: Props<Name>) {
  const id = label.toLowerCase().replaceAll(/\W+/g, '-');
  const step = (event: KeyboardEvent) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    const at = (names.indexOf(chosen.value) + by + names.length) % names.length;
    const next = names[at];
    if (next === undefined) return;
    event.preventDefault();
    chosen.value = next;
    document.getElementById(`${id}-${next}`)?.focus();
  };
  return (
    <>
      <div role="tablist" class="tabs" aria-label={label} onKeyDown={step}>
        {names.map((name) => (
          <button
            type="button"
            role="tab"
            key={name}
            id={`${id}-${name}`}
            aria-selected={chosen.value === name}
            aria-controls={`${id}-panel`}
            tabIndex={chosen.value === name ? 0 : -1}
            onClick={() => {
              chosen.value = name;
            }}
          >
            {name}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${chosen.value}`}>
        {children}
      </div>
    </>
  );
}
