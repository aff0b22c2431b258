import { type Signal, useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { listActions } from '../catalogue.ts';
import { type Asked, call } from '../door.ts';
import { Choice, Field } from '../ui/field.tsx';
import { useLoaded } from '../ui/loaded.ts';
import { ShowCall } from '../ui/show-call.tsx';
import { Trouble } from '../ui/trouble.tsx';
import { decidingAddress, decidingOf } from './decided.ts';
import { listAll } from './ram.ts';

interface Answer {
  readonly Effect: 'Allow' | 'ExplicitDeny' | 'ImplicitDeny';
  readonly DecidedBy: string;
  readonly Statement?: string;
  readonly Reason: string;
  readonly Remedy: string;
  readonly Resource: string;
}

const verdicts = {
  Allow: { text: 'Allowed', look: 'badge good' },
  ExplicitDeny: { text: 'Denied by a statement', look: 'badge bad' },
  ImplicitDeny: { text: 'Denied: nothing allows it', look: 'badge bad' },
} as const;

/** Why somebody may do something or not. The address holds the question. */
export function Explain() {
  const { query, route } = useLocation();
  const kind = useSignal(query.role === undefined ? 'user' : 'role');
  const name = useSignal(query.user ?? query.role ?? '');
  const action = useSignal(query.action ?? '');
  const resource = useSignal(query.resource ?? '');
  const sourceIp = useSignal(query.from ?? '');
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const set = Object.entries({
      [kind.value]: name.value.trim(),
      action: action.value.trim(),
      resource: resource.value.trim(),
      from: sourceIp.value.trim(),
    }).filter(([, value]) => value !== '');
    route(`/console/access/explain?${new URLSearchParams(set)}`);
  };
  const asked = questionOf(query);
  const text = asked === undefined ? '' : JSON.stringify(asked);
  const answer = useLoaded(async () => {
    if (asked === undefined) return undefined;
    const { body } = await call<Answer>(asked.product, asked.action, asked.parameters);
    return { body, text };
  }, [text]);
  const { value } = answer.value;
  return (
    <section>
      <h1>Why may somebody do something?</h1>
      <p class="hint">The same policies are asked as for a call. Nothing is done.</p>
      <form class="card stack" onSubmit={submit}>
        <Choice
          label="Who"
          value={kind.value}
          choose={(chosen) => {
            kind.value = chosen;
          }}
          options={[
            { value: 'user', text: 'A user' },
            { value: 'role', text: 'A session of a role' },
          ]}
        />
        <Names key={kind.value} kind={kind.value} name={name} />
        <Actions action={action} />
        <Field
          label="Resource"
          value={resource}
          hint="Such as acs:ens:*:*:loadbalancer/lb-5…; left empty: all."
        />
        <Field
          label="Called from"
          value={sourceIp}
          hint="An address, for policies that look at it."
        />
        <div class="row end">
          {asked && <ShowCall asked={asked} />}
          <button type="submit" class="main">
            Explain
          </button>
        </div>
      </form>
      <Trouble error={answer.trouble.value} />
      <div aria-live="polite">
        {answer.trouble.value === undefined && value?.text === text && <Verdict of={value.body} />}
      </div>
    </section>
  );
}

function Verdict({
  of: { Effect, DecidedBy, Statement, Reason, Remedy, Resource },
}: {
  of: Answer;
}) {
  const { text, look } = verdicts[Effect];
  const deciding = decidingOf(DecidedBy);
  return (
    <article class="card stack verdict">
      <h2>
        <span class={look}>{text}</span>
      </h2>
      <p>{Reason}</p>
      <p>{Remedy}</p>
      {deciding && (
        <p>
          <a href={decidingAddress(deciding)}>
            Go to statement {deciding.statement} of {deciding.policy} {deciding.version}
          </a>
        </p>
      )}
      {Statement && <pre>{JSON.stringify(JSON.parse(Statement), null, 2)}</pre>}
      <p class="hint">Asked about {Resource}.</p>
    </article>
  );
}

interface NamesProps {
  readonly kind: string;
  readonly name: Signal<string>;
}

function Names({ kind, name }: NamesProps) {
  const id = useId();
  const isUser = kind === 'user';
  const names = useLoaded(async () => {
    const all = await (isUser
      ? listAll<Record<string, string>>('ListUsers', 'User')
      : listAll<Record<string, string>>('ListRoles', 'Role'));
    return all.map((each) => each[isUser ? 'UserName' : 'RoleName'] ?? '');
  }, [kind]);
  return (
    <>
      <Field label={isUser ? 'User name' : 'Role name'} value={name} required list={id} />
      <datalist id={id}>
        {names.value.value?.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
    </>
  );
}

function Actions({ action }: { readonly action: Signal<string> }) {
  const id = useId();
  const actions = useLoaded(listActions, []);
  return (
    <>
      <Field
        label="Action"
        value={action}
        required
        list={id}
        pattern="[a-z][a-z\-]*:[A-Za-z]+"
        hint="Such as ens:RemoveBackendServers."
      />
      <datalist id={id}>
        {actions.value.value?.map(({ ramName, summary }) => (
          <option key={ramName} value={ramName}>
            {summary}
          </option>
        ))}
      </datalist>
    </>
  );
}

/** The question that an address holds; undefined while it is none. */
function questionOf(query: Readonly<Record<string, string>>): Asked | undefined {
  const { user, role, action, resource, from } = query;
  if ((user ?? role) === undefined || action === undefined) return undefined;
  return {
    product: 'Sluice',
    action: 'ExplainAuthorization',
    parameters: {
      ...(user === undefined ? { RoleName: role } : { UserName: user }),
      ActionName: action,
      ...(resource === undefined ? {} : { Resource: resource }),
      ...(from === undefined ? {} : { Conditions: [{ Key: 'acs:SourceIp', Value: from }] }),
    },
  };
}
