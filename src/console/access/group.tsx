import { useSignal } from '@preact/signals';
import { useRoute } from 'preact-iso';
import { call } from '../door.ts';
import { useLoaded } from '../ui/loaded.ts';
import { timeText } from '../ui/time.ts';
import { AttachedPolicies } from './attached.tsx';
import { Head, type Members } from './head.tsx';
import { Memberships } from './members.tsx';

/** One group: its users and policies. */
export function GroupPage() {
  const { name = '' } = useRoute().params;
  const changes = useSignal(0);
  const group = useLoaded(async () => {
    const { body } = await call<{ Group: Members }>('Ram', 'GetGroup', { GroupName: name });
    return body.Group;
  }, [name, changes.value]);
  const members = group.value.value;
  return (
    <div class="stack">
      <Head
        kind="Group"
        name={name}
        members={members}
        trouble={group.trouble.value}
        changes={changes}
        facts={[
          ['ID', String(members?.GroupId ?? '')],
          ['Comments', String(members?.Comments ?? '')],
          ['Created', timeText(String(members?.CreateDate ?? ''))],
        ]}
        changeable={[
          { member: 'GroupName', label: 'Name' },
          { member: 'Comments', label: 'Comments' },
        ]}
        deletion="Only a group without users and policies can be deleted."
      />
      <AttachedPolicies kind="Group" name={name} />
      <Memberships list="ListUsersForGroup" known={{ GroupName: name }} wanted="User" />
    </div>
  );
}
