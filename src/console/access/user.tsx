import { useSignal } from '@preact/signals';
import { useRoute } from 'preact-iso';
import { call } from '../door.ts';
import { useLoaded } from '../ui/loaded.ts';
import { timeText } from '../ui/time.ts';
import { AttachedPolicies } from './attached.tsx';
import { Head, type Members } from './head.tsx';
import { AccessKeys } from './keys.tsx';
import { Memberships } from './members.tsx';

/** One user: its keys, groups and policies. */
export function UserPage() {
  const { name = '' } = useRoute().params;
  const changes = useSignal(0);
  const user = useLoaded(async () => {
    const { body } = await call<{ User: Members }>('Ram', 'GetUser', { UserName: name });
    return body.User;
  }, [name, changes.value]);
  const members = user.value.value;
  const text = (member: string) => String(members?.[member] ?? '');
  return (
    <div class="stack">
      <Head
        kind="User"
        name={name}
        members={members}
        trouble={user.trouble.value}
        changes={changes}
        facts={[
          ['ID', text('UserId')],
          ['Called', text('DisplayName')],
          ['Comments', text('Comments')],
          ['Email', text('Email')],
          ['Created', timeText(text('CreateDate'))],
        ]}
        changeable={[
          { member: 'UserName', label: 'Name' },
          { member: 'DisplayName', label: 'What people call it' },
          { member: 'Comments', label: 'Comments' },
          { member: 'Email', label: 'Email' },
        ]}
        deletion="Only a user without access keys, groups and policies can be deleted."
      />
      <AccessKeys user={name} />
      <AttachedPolicies kind="User" name={name} />
      <Memberships list="ListGroupsForUser" known={{ UserName: name }} wanted="Group" />
      <p>
        <a href={`/console/access/explain?user=${name}`}>Why may {name} do something, or not?</a>
      </p>
    </div>
  );
}
