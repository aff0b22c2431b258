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

/** Whose charts there are: load balancers, found by name, ID or address. */
export default function Monitors() {
  const searched = useSignal('');
  const answer = useLoaded(async () => {
    const parameters = { SearchKey: searched.value.trim(), PageSize: pageSize };
    return (await call<Answer>('Sluice', 'ListLoadBalancers', parameters)).body;
  }, [searched.value]);
  useEffect(() => {
    document.title = 'Monitors – Sluice';
  }, []);
  const found = answer.value.value;
  return (
    <>
      <h1>Monitors</h1>
      <p>What each load balancer did, minute by minute, for the last 24 hours.</p>
      <div class="stack">
        <Field
          label="Search"
          value={searched}
          type="search"
          maxLength={128}
          hint="A part of a name or an ID, or an address."
        />
        <Trouble error={answer.trouble.value} />
        {found && <Found answer={found} isAll={searched.value.trim() === ''} />}
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
          'No load balancer is found by this.'
        )}
      </div>
    );
  }
  return (
    <>
      <ul class="plain card">
        {listed.map((each) => (
          <li key={each.LoadBalancerId}>
            <a href={`/console/monitors/${each.LoadBalancerId}`}>
              {each.LoadBalancerName || each.LoadBalancerId}
            </a>{' '}
            <small>
              {each.Address}, {each.EnsRegionId}
            </small>
          </li>
        ))}
      </ul>
      {answer.TotalCount > listed.length && (
        <p class="hint">
          These are {listed.length} of {answer.TotalCount}: search for the others.
        </p>
      )}
    </>
  );
}
