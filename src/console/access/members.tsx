import { useSignal } from '@preact/signals';
import { limits } from '../../limits.ts';
import { call } from '../door.ts';
import { useLoaded } from '../ui/loaded.ts';
import { useStep } from '../ui/step.tsx';
import { Trouble } from '../ui/trouble.tsx';
import { addressOf, itemsIn, listAll, ram } from './ram.ts';

interface Props {
  readonly list: 'ListGroupsForUser' | 'ListUsersForGroup';
  /** The user, or the group, whose page this is. */
  readonly known: Readonly<Record<string, string>>;
  readonly wanted: 'User' | 'Group';
}

type Named = Readonly<Record<string, string>>;

/** The groups of a user, or the users of a group. */
export function Memberships({ list, known, wanted }: Props) {
  const changes = useSignal(0);
  const inputs = [...Object.values(known), changes.value];
  const pages = list === 'ListUsersForGroup';
  const load = () => (pages ? listAll<Named>(list, wanted, known) : groupsOf(known));
  const members = useLoaded(load, inputs);
  const others = useLoaded(() => listAll<Named>(`List${wanted}s`, wanted), []);
  const step = useStep(() => {
    changes.value += 1;
  });
  const field = `${wanted}Name`;
  const names = members.value.value?.map((each) => each[field] ?? '') ?? [];
  const free = (others.value.value ?? [])
    .map((each) => each[field] ?? '')
    .filter((name) => !names.includes(name));
  const isFull = wanted === 'Group' && names.length >= limits.groupsPerUser;
  const one = wanted.toLowerCase();
  const add = () =>
    step.take({
      title: wanted === 'Group' ? 'Add to a group' : 'Add a user',
      submit: 'Add',
      text: 'The policies of the group count for the user from the next call on.',
      blanks: [{ name: field, label: wanted, options: free, value: free[0] ?? '' }],
      asked: (values) => ram('AddUserToGroup', { ...known, ...values }),
    });
  const remove = (name: string) =>
    step.take({
      title: wanted === 'Group' ? `Remove from ${name}?` : `Remove ${name}?`,
      submit: 'Remove',
      danger: true,
      text: 'What only the group allows, the user may not do any more.',
      asked: () => ram('RemoveUserFromGroup', { ...known, [field]: name }),
    });
  return (
    <section>
      <div class="row spread">
        <h2>{wanted}s</h2>
        <button type="button" disabled={free.length === 0 || isFull} onClick={add}>
          Add {wanted === 'Group' ? 'to group' : 'user'}
        </button>
      </div>
      <Trouble error={members.trouble.value} />
      {wanted === 'Group' && members.value.value && (
        <p class="hint">
          In {names.length} of {limits.groupsPerUser} groups at most.
        </p>
      )}
      {members.value.value?.length === 0 && <p class="card empty">No {one} yet.</p>}
      {names.length > 0 && (
        <ul class="card stack plain">
          {names.map((name) => (
            <li key={name} class="row spread">
              <a href={addressOf(wanted, name)}>{name}</a>
              <button
                type="button"
                class="quiet"
                aria-label={`Remove ${name}`}
                onClick={() => remove(name)}
              >
                Remove
              </button>
            </li>
          ))}
        </ul>
      )}
      {step.dialog}
    </section>
  );
}

/** A user's groups are few, and come without pages. */
async function groupsOf(known: Props['known']): Promise<readonly Named[]> {
  const { body } = await call('Ram', 'ListGroupsForUser', known);
  return itemsIn<Named>(body, 'Group');
}
