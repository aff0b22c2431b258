import { useSignal } from '@preact/signals';
import { call } from '../door.ts';
import { session } from '../session.ts';
import { Trouble } from '../ui/trouble.tsx';
import type { Denial } from './facts.ts';

/** What DecodeDiagnosticMessage tells of a denial. */
interface Diagnosis {
  readonly AuthResource: string;
  readonly ExplicitDeny: boolean;
  readonly AuthConditions: readonly {
    readonly ConditionKey: string;
    readonly ConditionValues: readonly string[];
  }[];
  readonly MatchedPolicies: readonly {
    readonly AttachedEntityType: string;
    readonly Effect: string;
    readonly PolicyIdentifier: string;
    readonly PolicyType: string;
    readonly PolicyVersion: string;
  }[];
}

/** Who was denied what and by which kind of policy, and the way to find out why. */
export function DenialBox({ denial }: { readonly denial: Denial }) {
  const { AuthAction = 'this action', NoPermissionType, PolicyType = '' } = denial;
  const isExplicit = NoPermissionType === 'ExplicitDeny';
  const who = [denial.AuthPrincipalType, denial.AuthPrincipalDisplayName].filter(Boolean).join(' ');
  return (
    <section class="card denial" aria-label="Why it was denied">
      <p>
        <strong>{who || 'The caller'}</strong> may not call <code>{AuthAction}</code>:{' '}
        {isExplicit ? 'a policy denies it.' : 'no policy allows it.'}
      </p>
      <p class="hint">
        {[`Account ${denial.AuthPrincipalOwnerId ?? ''}`, PolicyType].filter(Boolean).join(', ')}
      </p>
      <Explain denial={denial} />
    </section>
  );
}

function Explain({ denial }: { readonly denial: Denial }) {
  const diagnosis = useSignal<Diagnosis | undefined>(undefined);
  const trouble = useSignal<unknown>(undefined);
  const { EncodedDiagnosticMessage, AuthAction = '' } = denial;
  const explain = () =>
    call<{ DecodedDiagnosticMessage: Diagnosis }>('Ram', 'DecodeDiagnosticMessage', {
      EncodedDiagnosticMessage,
    })
      .then(({ body }) => {
        diagnosis.value = body.DecodedDiagnosticMessage;
        trouble.value = undefined;
      })
      .catch((error: unknown) => {
        trouble.value = error;
      });
  const { kind, name = '' } = session.value ?? {};
  const asked = new URLSearchParams({
    ...(kind === 'user' ? { UserName: name } : {}),
    ActionName: AuthAction,
  });
  return (
    <>
      <div class="row">
        {EncodedDiagnosticMessage && (
          <button type="button" onClick={() => void explain()}>
            Explain
          </button>
        )}
        <a href={`/console/explorer/Sluice/ExplainAuthorization?${asked}`}>
          Ask ExplainAuthorization
        </a>
      </div>
      <Trouble error={trouble.value} />
      {diagnosis.value && <DiagnosisView diagnosis={diagnosis.value} />}
    </>
  );
}

function DiagnosisView({ diagnosis }: { readonly diagnosis: Diagnosis }) {
  const { AuthResource, AuthConditions, MatchedPolicies } = diagnosis;
  return (
    <dl>
      <dt>Resource</dt>
      <dd>
        <code>{AuthResource}</code>
      </dd>
      <dt>Policies that matched</dt>
      {MatchedPolicies.length === 0 && <dd>None: an administrator has to attach one.</dd>}
      {MatchedPolicies.map((policy) => (
        <dd key={`${policy.AttachedEntityType} ${policy.PolicyIdentifier}`}>
          {policy.Effect} by {policy.PolicyType} policy <code>{policy.PolicyIdentifier}</code>{' '}
          {policy.PolicyVersion} of {policy.AttachedEntityType}
        </dd>
      ))}
      <dt>What the call was like</dt>
      {AuthConditions.map(({ ConditionKey, ConditionValues }) => (
        <dd key={ConditionKey}>
          <code>{ConditionKey}</code> {ConditionValues.join(', ')}
        </dd>
      ))}
    </dl>
  );
}
