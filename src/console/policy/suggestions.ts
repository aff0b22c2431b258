import { operators } from '../../ram/operators.ts';
import type { Path, PolicyKind } from '../../ram/policy.ts';

/** What could stand at a place of a policy. */
export interface Suggestion {
  readonly text: string;
  readonly about?: string;
}

/** Keys that calls have: what each is compared with. */
const conditionKeys: readonly Suggestion[] = [
  { text: 'acs:SourceIp', about: 'address of the caller; IpAddress' },
  { text: 'acs:SecureTransport', about: 'the call came over TLS; Bool' },
  { text: 'acs:CurrentTime', about: 'time of the call; Date…' },
  { text: 'acs:MFAPresent', about: 'always false here; Bool' },
  { text: 'acs:PrincipalARN', about: 'who calls; String…' },
];

const elements: Readonly<Record<string, string>> = {
  Effect: 'Allow or Deny',
  Action: 'what the statement is about',
  NotAction: 'everything but these',
  Condition: 'only when all of it holds',
};

const texts = (...all: readonly string[]): Suggestion[] => all.map((text) => ({ text }));

/**
 * What fits at a place.
 * @param actions RAM names, such as `ens:RemoveBackendServers`, with what each does
 */
export function suggestionsAt(
  { path, isName }: { readonly path: Path; readonly isName: boolean },
  kind: PolicyKind,
  actions: readonly Suggestion[],
): readonly Suggestion[] {
  const names = path.filter((step) => typeof step === 'string');
  const [statement, element, operator] = names;
  if (isName) return namesIn(names, kind);
  if (statement === 'Version') return texts('1');
  switch (element) {
    case 'Effect':
      return texts('Allow', 'Deny');
    case 'Action':
    case 'NotAction':
      return kind === 'trust' ? texts('sts:AssumeRole') : [...wildcards(actions), ...actions];
    case 'Resource':
      return [{ text: '*', about: 'everything' }, ...texts('acs:ens:*:*:loadbalancer/*')];
    case 'Condition':
      return operator === 'Bool' ? texts('true', 'false') : [];
    default:
      return [];
  }
}

/** @param names of the objects around the name that is typed */
function namesIn(names: readonly string[], kind: PolicyKind): readonly Suggestion[] {
  const [, element, operator] = names;
  if (names.length === 0) return texts('Version', 'Statement');
  if (element === undefined) {
    return [
      ...Object.entries(elements).map(([text, about]) => ({ text, about })),
      ...texts(kind === 'trust' ? 'Principal' : 'Resource'),
    ];
  }
  if (element === 'Principal') return texts('RAM', 'Service', 'Federated');
  if (element !== 'Condition') return [];
  if (operator !== undefined) return conditionKeys;
  return [...operators].map(([text, { kind: about }]) => ({ text, about }));
}

/** `ens:*` and the like, of each product that has actions. */
function wildcards(actions: readonly Suggestion[]): readonly Suggestion[] {
  const products = new Set(actions.map(({ text }) => text.slice(0, text.indexOf(':') + 1)));
  return [...products].flatMap((product) => [
    { text: `${product}*`, about: 'everything' },
    { text: `${product}Describe*`, about: 'reading' },
  ]);
}
