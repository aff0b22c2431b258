import { useSignal } from '@preact/signals';
import { limits } from '../../limits.ts';
import { call } from '../door.ts';
import { useLoaded } from '../ui/loaded.ts';
import { useStep } from '../ui/step.tsx';
import { Table } from '../ui/table.tsx';
import { Trouble } from '../ui/trouble.tsx';
import { type Attached, type HolderKind, itemsIn, listAll, policyAddress, ram } from './ram.ts';

interface Props {
  readonly kind: HolderKind;
  readonly name: string;
}

/** The policies of a user, group or role, to attach and detach. */
export function AttachedPolicies({ kind, name }: Props) {
  const changes = useSignal(0);
  const holder = { [`${kind}Name`]: name };
  const attached = useLoaded(async () => {
    const { body } = await call('Ram', `ListPoliciesFor${kind}`, holder);
    return itemsIn<Attached>(body, 'Policy');
  }, [name, changes.value]);
  const policies = useLoaded(() => listAll<Attached>('ListPolicies', 'Policy'), []);
  const step = useStep(() => {
    changes.value += 1;
  });
  const named = ({ PolicyType, PolicyName }: Attached) => ({ ...holder, PolicyType, PolicyName });
  const all = attached.value.value ?? [];
  const free = (policies.value.value ?? []).filter(
    (each) => !all.some((one) => label(one) === label(each)),
  );
  const attach = () =>
    step.take({
      title: `Attach a policy to ${name}`,
      submit: 'Attach',
      text: 'It counts from the next call on.',
      blanks: [{ name: 'policy', label: 'Policy', required: true, options: free.map(label) }].map(
        (blank) => ({ ...blank, value: blank.options[0] ?? '' }),
      ),
      asked: ({ policy = '' }) => {
        const [PolicyType = '', PolicyName = ''] = policy.split(' ');
        return ram(`AttachPolicyTo${kind}`, { ...holder, PolicyType, PolicyName });
      },
    });
  const detach = (policy: Attached) =>
    step.take({
      title: `Detach ${policy.PolicyName}?`,
      submit: 'Detach',
      danger: true,
      text: `What only this policy allows, ${name} may not do any more from the answer on.`,
      asked: () => ram(`DetachPolicyFrom${kind}`, named(policy)),
    });
  return (
    <section>
      <div class="row spread">
        <h2>Policies</h2>
        <button type="button" disabled={free.length === 0} onClick={attach}>
          Attach policy
        </button>
      </div>
      <Trouble error={attached.trouble.value} />
      {attached.value.value && <p class="hint">{room(all)}</p>}
      {attached.value.value?.length === 0 && (
        <p class="card empty">No policy is attached. Attach one to allow something.</p>
      )}
      {all.length > 0 && (
        <Table titles={['Policy', 'Type', 'Description']} hasActions>
          {all.map((policy) => (
            <Row key={label(policy)} policy={policy} detach={detach} />
          ))}
        </Table>
      )}
      {step.dialog}
    </section>
  );
}

interface RowProps {
  readonly policy: Attached;
  readonly detach: (policy: Attached) => void;
}

function Row({ policy, detach }: RowProps) {
  return (
    <tr>
      <td>
        <a href={policyAddress(policy.PolicyType, policy.PolicyName)}>{policy.PolicyName}</a>
      </td>
      <td>{policy.PolicyType}</td>
      <td>{policy.Description}</td>
      <td>
        <button
          type="button"
          class="quiet"
          aria-label={`Detach ${policy.PolicyName}`}
          onClick={() => detach(policy)}
        >
          Detach
        </button>
      </td>
    </tr>
  );
}

function label({ PolicyType, PolicyName }: Attached): string {
  return `${PolicyType} ${PolicyName}`;
}

/** How many more may be attached. */
function room(attached: readonly Attached[]): string {
  const count = (type: Attached['PolicyType']) =>
    attached.filter(({ PolicyType }) => PolicyType === type).length;
  const { customPoliciesAttached, systemPoliciesAttached } = limits;
  return (
    `${count('Custom')} of ${customPoliciesAttached} custom and ` +
    `${count('System')} of ${systemPoliciesAttached} system policies at most.`
  );
}
