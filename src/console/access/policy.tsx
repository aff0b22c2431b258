import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useLocation, useRoute } from 'preact-iso';
import { limits } from '../../limits.ts';
import { call } from '../door.ts';
import { laidOut } from '../policy/document.ts';
import { EditablePolicy } from '../policy/editable.tsx';
import { PolicyEditor } from '../policy/editor.tsx';
import { faultOf } from '../policy/faults.ts';
import { useLoaded } from '../ui/loaded.ts';
import { useStep } from '../ui/step.tsx';
import { timeText } from '../ui/time.ts';
import { Trouble } from '../ui/trouble.tsx';
import { addressOf, type HolderKind, itemsIn, policyAddress, ram } from './ram.ts';

interface Version {
  readonly VersionId: string;
  readonly IsDefaultVersion: boolean;
  readonly PolicyDocument: string;
  readonly CreateDate: string;
}

/** One policy: its versions, the editor, and whom it counts for. */
export default function PolicyPage() {
  const { type = '', name = '' } = useRoute().params;
  const { query, route } = useLocation();
  const changes = useSignal(0);
  const known = { PolicyType: type, PolicyName: name };
  const versions = useLoaded(async () => {
    const { body } = await call('Ram', 'ListPolicyVersions', known);
    return itemsIn<Version>(body, 'PolicyVersion');
  }, [type, name, changes.value]);
  const step = useStep(() => {
    changes.value += 1;
  });
  const all = versions.value.value ?? [];
  const shown =
    all.find(({ VersionId }) => VersionId === query.version) ??
    all.find(({ IsDefaultVersion }) => IsDefaultVersion);
  const remove = () =>
    step.take({
      title: `Delete the policy ${name}?`,
      submit: 'Delete',
      danger: true,
      text: 'It must not be attached to anybody, and all its versions go with it.',
      asked: () => ram('DeletePolicy', { PolicyName: name, CascadingDelete: true }),
      done: () => route('/console/access/policies'),
    });
  return (
    <div class="stack">
      <div class="row spread">
        <h1>{name}</h1>
        {type === 'Custom' && (
          <button type="button" class="danger" onClick={remove}>
            Delete
          </button>
        )}
      </div>
      <Trouble error={versions.trouble.value} />
      {type === 'System' && (
        <p class="hint">It comes with Sluice and can be attached, but not changed.</p>
      )}
      {type === 'Custom' && all.length > 0 && (
        <Versions name={name} all={all} shown={shown} take={step.take} />
      )}
      {shown && (
        <Document
          key={shown.VersionId}
          type={type}
          name={name}
          version={shown}
          isFull={all.length >= limits.policyVersions}
          statement={Number(query.statement ?? 0)}
          saved={(version) => {
            changes.value += 1;
            route(policyAddress(type, name, version), true);
          }}
        />
      )}
      <Holders type={type} name={name} />
      {step.dialog}
    </div>
  );
}

interface VersionsProps {
  readonly name: string;
  readonly all: readonly Version[];
  readonly shown: Version | undefined;
  readonly take: ReturnType<typeof useStep>['take'];
}

function Versions({ name, all, shown, take }: VersionsProps) {
  const makeDefault = (VersionId: string) =>
    take({
      title: `Make ${VersionId} count?`,
      submit: 'Make it the default',
      text: `${name} says what ${VersionId} says from the next call on.`,
      asked: () => ram('SetDefaultPolicyVersion', { PolicyName: name, VersionId }),
    });
  const remove = (VersionId: string) =>
    take({
      title: `Delete version ${VersionId}?`,
      submit: 'Delete',
      danger: true,
      asked: () => ram('DeletePolicyVersion', { PolicyName: name, VersionId }),
    });
  return (
    <section>
      <p class="hint">
        {all.length} of {limits.policyVersions} versions at most.
      </p>
      <ul class="card stack plain">
        {all.map(({ VersionId, IsDefaultVersion, CreateDate }) => (
          <li key={VersionId} class="row spread">
            <span class="row">
              <a
                href={policyAddress('Custom', name, VersionId)}
                aria-current={VersionId === shown?.VersionId ? 'true' : undefined}
              >
                {VersionId}
              </a>
              <small>{timeText(CreateDate)}</small>
              {IsDefaultVersion && <span class="badge good">counts</span>}
            </span>
            {!IsDefaultVersion && (
              <span class="row">
                <button type="button" class="quiet" onClick={() => makeDefault(VersionId)}>
                  Make {VersionId} count
                </button>
                <button type="button" class="quiet" onClick={() => remove(VersionId)}>
                  Delete {VersionId}
                </button>
              </span>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

interface DocumentProps {
  readonly type: string;
  readonly name: string;
  readonly version: Version;
  /** Another version has to take the place of the oldest. */
  readonly isFull: boolean;
  /** From 1, the one to go to; 0 = none. */
  readonly statement: number;
  readonly saved: (version: string) => void;
}

function Document({ type, name, version, isFull, statement, saved }: DocumentProps) {
  const text = laidOut(version.PolicyDocument);
  const draft = useSignal(text);
  const step = useStep(() => {});
  useEffect(() => {
    draft.value = text;
  }, [text]);
  const shown = statement > 0 ? ['Statement', statement - 1] : undefined;
  const label = `Document of ${name} ${version.VersionId}`;
  if (type === 'System') {
    return (
      <PolicyEditor
        label={label}
        kind="identity"
        text={text}
        {...(shown === undefined ? {} : { shown })}
      />
    );
  }
  const save = () =>
    step.take({
      title: 'Save as a new version',
      submit: 'Save',
      text: isFull
        ? `There are ${limits.policyVersions} versions: the oldest that does not count goes.`
        : 'The versions before stay, and can be made to count again.',
      blanks: [
        {
          name: 'counts',
          label: 'Does it count?',
          options: ['At once', 'Not yet'],
          value: 'At once',
        },
      ],
      asked: ({ counts }) =>
        ram('CreatePolicyVersion', {
          PolicyName: name,
          PolicyDocument: draft.value,
          SetAsDefault: counts === 'At once',
          ...(isFull ? { RotateStrategy: 'DeleteOldestNonDefaultVersionWhenLimitExceeded' } : {}),
        }),
      done: (body) => saved((body.PolicyVersion as Version).VersionId),
    });
  const isFine = faultOf(draft.value, 'identity') === undefined;
  return (
    <section>
      <EditablePolicy label={label} kind="identity" text={text} draft={draft} shown={shown} />
      <div class="row end">
        <button
          type="button"
          class="main"
          disabled={!isFine || draft.value === text}
          onClick={save}
        >
          Save as new version
        </button>
      </div>
      {step.dialog}
    </section>
  );
}

function Holders({ type, name }: { readonly type: string; readonly name: string }) {
  const holders = useLoaded(async () => {
    const known = { PolicyType: type, PolicyName: name };
    const { body } = await call('Ram', 'ListEntitiesForPolicy', known);
    return (['User', 'Group', 'Role'] as const satisfies readonly HolderKind[]).flatMap((kind) =>
      itemsIn<Record<string, string>>(body, kind).map((each) => ({
        kind,
        name: each[`${kind}Name`] ?? '',
      })),
    );
  }, [type, name]);
  const all = holders.value.value;
  return (
    <section>
      <h2>Attached to</h2>
      <Trouble error={holders.trouble.value} />
      {all?.length === 0 && (
        <p class="card empty">Nobody: it has no effect. Attach it on the page of a user.</p>
      )}
      {all !== undefined && all.length > 0 && (
        <ul class="card stack plain">
          {all.map((holder) => (
            <li key={`${holder.kind} ${holder.name}`}>
              {holder.kind} <a href={addressOf(holder.kind, holder.name)}>{holder.name}</a>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
