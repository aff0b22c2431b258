/** A policy that does one thing. */
export function policyDocument(
  actions: string | readonly string[],
  { effect = 'Allow', resource = '*' }: { effect?: 'Allow' | 'Deny'; resource?: string } = {},
): string {
  const statement = { Effect: effect, Action: actions, Resource: resource };
  return JSON.stringify({ Version: '1', Statement: [statement] });
}

/** A trust policy that names one principal. */
export function trustDocument(principal: string, conditions?: object): string {
  const statement = {
    Effect: 'Allow',
    Action: 'sts:AssumeRole',
    Principal: { RAM: [principal] },
    ...(conditions === undefined ? {} : { Condition: conditions }),
  };
  return JSON.stringify({ Version: '1', Statement: [statement] });
}
