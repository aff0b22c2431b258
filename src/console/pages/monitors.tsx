import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { call } from '../door.ts';
import { Field } from '../ui/field.tsx';
import { useLoaded } from '../ui/loaded.ts';
import { Trouble } from '../ui/trouble.tsx';

interface Listed {
  readonly LoadBalancerId: string;
  readonly LoadBalancerName: string;
  readonly EnsRegionId: string;
  readonly Address: string;
}

interface Answer {
  readonly LoadBalancers: { readonly LoadBalancer: readonly Listed[] };
  readonly TotalCount: number;
}

const pageSize = 50;

/** Whose charts there are: load balancers, found by name. */
export default function Monitors() {
  const name = useSignal('');
  const answer = useLoaded(async () => {
    const wanted = name.value.trim();
    const filter = wanted === '' ? {} : { LoadBalancerName: wanted };
    const parameters = { ...filter, PageSize: pageSize };
    return (await call<Answer>('Ens', 'DescribeLoadBalancers', parameters)).body;
  }, [name.value]);
  useEffect(() => {
    document.title = 'Monitors – Sluice';
  }, []);
  const found = answer.value.value;
  return (
    <>
      <h1>Monitors</h1>
      <p>What each load balancer did, minute by minute, for the last 24 hours.</p>
      <div class="stack">
        <Field label="Name" value={name} type="search" maxLength={80} />
        <Trouble error={answer.trouble.value} />
        {found && <Found answer={found} isAll={name.value.trim() === ''} />}
      </div>
    </>
  );
}

function Found({ answer, isAll }: { readonly answer: Answer; readonly isAll: boolean }) {
  const { LoadBalancer: listed } = answer.LoadBalancers;
  if (listed.length === 0) {
    return (
      <div class="card empty">
        {isAll ? (
          <>
            There is no load balancer yet. <a href="/console/">Create one</a>, and its traffic shows
            here a minute later.
          </>
        ) : (
          'No load balancer has this name.'
        )}
      </div>
    );
  }
  return (
    <>
      <ul class="plain card">
        {listed.map((each) => (
          <li key={each.LoadBalancerId}>
            <a href={`/console/monitors/${each.LoadBalancerId}`}>{each.LoadBalancerName}</a>{' '}
            <small>
              {each.Address}, {each.EnsRegionId}
            </small>
          </li>
        ))}
      </ul>
      {answer.TotalCount > listed.length && (
        <p class="hint">
          These are {listed.length} of {answer.TotalCount}: search by name for others.
        </p>
      )}
    </>
  );
}
