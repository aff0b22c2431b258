import type { Signal } from '@preact/signals';
import { Fragment } from 'preact';
import { useLocation } from 'preact-iso';
import { changedOf, type Step, useStep } from '../ui/step.tsx';
import { Trouble } from '../ui/trouble.tsx';
import { addressOf, type HolderKind, ram } from './ram.ts';

export type Members = Readonly<Record<string, string | number>>;

interface Props {
  readonly kind: HolderKind;
  readonly name: string;
  /** Undefined until it has come. */
  readonly members: Members | undefined;
  readonly trouble: unknown;
  readonly changes: Signal<number>;
  readonly facts: readonly (readonly [title: string, text: string])[];
  /** What Update… takes: `NewComments` for the member `Comments`. */
  readonly changeable: readonly { readonly member: string; readonly label: string }[];
  /** What has to be gone before it can be deleted. */
  readonly deletion: string;
}

/** What a user, group or role is, to change and to delete. */
export function Head(props: Props) {
  const { kind, name, members, trouble, changes, facts, changeable, deletion } = props;
  const { route } = useLocation();
  const one = kind.toLowerCase();
  const step = useStep(() => {
    changes.value += 1;
  });
  const before = Object.fromEntries(
    changeable.map(({ member }) => [`New${member}`, String(members?.[member] ?? '')]),
  );
  const change: Step = {
    title: `Change ${name}`,
    submit: 'Save',
    blanks: changeable.map(({ member, label }) => ({
      name: `New${member}`,
      label,
      value: before[`New${member}`] ?? '',
    })),
    asked: (values) =>
      ram(`Update${kind}`, { [`${kind}Name`]: name, ...changedOf(values, before) }),
    done: (body) => {
      const renamed = (body[kind] as Members | undefined)?.[`${kind}Name`];
      if (renamed !== undefined && renamed !== name) route(addressOf(kind, String(renamed)), true);
    },
  };
  const remove: Step = {
    title: `Delete the ${one} ${name}?`,
    submit: 'Delete',
    danger: true,
    text: deletion,
    asked: () => ram(`Delete${kind}`, { [`${kind}Name`]: name }),
    done: () => route(`/console/access${kind === 'User' ? '' : `/${one}s`}`),
  };
  return (
    <>
      <div class="row spread">
        <h1>{name}</h1>
        <span class="row">
          <button type="button" disabled={members === undefined} onClick={() => step.take(change)}>
            Change
          </button>
          <button type="button" class="danger" onClick={() => step.take(remove)}>
            Delete
          </button>
        </span>
      </div>
      <Trouble error={trouble} />
      <dl class="facts card">
        {facts.map(([title, text]) => (
          <Fragment key={title}>
            <dt>{title}</dt>
            <dd>{text || '–'}</dd>
          </Fragment>
        ))}
      </dl>
      {step.dialog}
    </>
  );
}
