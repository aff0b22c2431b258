import type { ActionDescription } from '../../sdk/describe.ts';

type Judged = Pick<ActionDescription, 'access' | 'name'>;

const takesAway = /^(Remove|Delete|Deregister|Release|Cut|Detach|Clear|Revoke)/;

/** Whether a call may change anything at all. */
export function isWrite({ access }: Judged): boolean {
  return access !== 'get' && access !== 'list';
}

/**
 * Whether a person is asked again before the call: it takes something away. RAM's level alone
 * does not tell, since taking a server out of a load balancer is an update of that.
 */
export function takesSomethingAway(action: Judged): boolean {
  return action.access === 'delete' || (isWrite(action) && takesAway.test(action.name));
}
