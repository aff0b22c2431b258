import type { Decision } from '../ram/evaluate.ts';
import type { Seal } from '../sealing.ts';

/** What a denial rested on, as DecodeDiagnosticMessage answers it. */
export interface Diagnosis {
  readonly AuthAction: string;
  readonly AuthResource: string;
  readonly AuthPrincipal: {
    readonly AuthPrincipalType: string;
    readonly AuthPrincipalOwnerId: string;
    readonly AuthPrincipalDisplayName: string;
  };
  readonly AuthConditions: readonly {
    readonly ConditionKey: string;
    readonly ConditionValues: readonly string[];
  }[];
  readonly ExplicitDeny: boolean;
  readonly NoPermissionPolicyType: string;
  readonly MatchedPolicies: readonly {
    readonly AttachedEntityType: string;
    readonly AttachedScope: string;
    readonly Effect: string;
    readonly PolicyIdentifier: string;
    readonly PolicyType: string;
    readonly PolicyVersion: string;
  }[];
}

/**
 * Diagnostic messages: a diagnosis, sealed. A message carries all it says, so none is stored;
 * whoever gets it can neither read nor change it, and it opens for its own account alone.
 */
export interface Diagnoses {
  seal(diagnosis: Diagnosis): string;
  /** @returns undefined for what is no message of the account */
  open(message: string, account: string): Diagnosis | undefined;
}

export function createDiagnoses(seal: Seal): Diagnoses {
  const contextOf = (account: string) => `diagnosis/${account}`;
  return {
    seal: (diagnosis) =>
      seal.seal(JSON.stringify(diagnosis), contextOf(diagnosis.AuthPrincipal.AuthPrincipalOwnerId)),
    open(message, account) {
      try {
        return JSON.parse(seal.open(message, contextOf(account))) as Diagnosis;
      } catch {
        // Altered, of another account or another key: to its reader it is no message at all.
        return undefined;
      }
    },
  };
}

/** What RAM calls the policies that decided. */
export function policyTypeOf({ policyKind }: Decision): string {
  return policyKind === 'session' ? 'SessionPolicy' : 'AccountLevelIdentityBasedPolicy';
}
