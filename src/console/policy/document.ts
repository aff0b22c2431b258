/** A policy laid out for people, as far as it is JSON. */
export function laidOut(document: string): string {
  try {
    return JSON.stringify(JSON.parse(document), null, 2);
  } catch {
    return document;
  }
}

/** What a new policy begins with: reading of what ENS has. */
export const firstDraft = laidOut(
  JSON.stringify({
    Version: '1',
    Statement: [{ Effect: 'Allow', Action: ['ens:Describe*'], Resource: '*' }],
  }),
);
