import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useRoute } from 'preact-iso';
import { call } from '../door.ts';
import { laidOut } from '../policy/document.ts';
import { EditablePolicy } from '../policy/editable.tsx';
import { faultOf } from '../policy/faults.ts';
import { useLoaded } from '../ui/loaded.ts';
import { useStep } from '../ui/step.tsx';
import { timeText } from '../ui/time.ts';
import { AttachedPolicies } from './attached.tsx';
import { Head, type Members } from './head.tsx';
import { ram } from './ram.ts';

/** One role: whom it trusts, and its policies. */
export default function RolePage() {
  const { name = '' } = useRoute().params;
  const changes = useSignal(0);
  const role = useLoaded(async () => {
    const { body } = await call<{ Role: Members }>('Ram', 'GetRole', { RoleName: name });
    return body.Role;
  }, [name, changes.value]);
  const members = role.value.value;
  const trust = members && laidOut(String(members.AssumeRolePolicyDocument));
  return (
    <div class="stack">
      <Head
        kind="Role"
        name={name}
        members={members}
        trouble={role.trouble.value}
        changes={changes}
        facts={[
          ['ARN', String(members?.Arn ?? '')],
          ['Description', String(members?.Description ?? '')],
          ['Longest session', members ? `${members.MaxSessionDuration} seconds` : ''],
          ['Created', timeText(String(members?.CreateDate ?? ''))],
        ]}
        changeable={[
          { member: 'Description', label: 'Description' },
          { member: 'MaxSessionDuration', label: 'Longest session, 3600 to 43200 seconds' },
        ]}
        deletion="Only a role without policies can be deleted. Its sessions may do nothing then."
      />
      <AttachedPolicies kind="Role" name={name} />
      {trust !== undefined && (
        <Trust
          role={name}
          trust={trust}
          changed={() => {
            changes.value += 1;
          }}
        />
      )}
      <p>
        <a href={`/console/access/explain?role=${name}`}>Why may {name} do something, or not?</a>
      </p>
    </div>
  );
}

interface TrustProps {
  readonly role: string;
  readonly trust: string;
  readonly changed: () => void;
}

function Trust({ role, trust, changed }: TrustProps) {
  const draft = useSignal(trust);
  const step = useStep(changed);
  useEffect(() => {
    draft.value = trust;
  }, [trust]);
  const save = () =>
    step.take({
      title: `Change whom ${role} trusts?`,
      submit: 'Save',
      text: 'It counts for sessions to come.',
      asked: () => ram('UpdateRole', { RoleName: role, NewAssumeRolePolicyDocument: draft.value }),
    });
  const isFine = faultOf(draft.value, 'trust') === undefined;
  return (
    <section>
      <div class="row spread">
        <h2>Whom it trusts</h2>
        <button type="button" disabled={!isFine || draft.value === trust} onClick={save}>
          Save trust policy
        </button>
      </div>
      <EditablePolicy label="Trust policy" kind="trust" text={trust} draft={draft} />
      {step.dialog}
    </section>
  );
}
