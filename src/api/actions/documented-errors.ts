/** Error lists of the documented pages, by what the actions do. */

/** What the page of nearly every action that changes something has. */
export const changeErrors = [
  'ens.interface.error',
  'LoadBalancerNotFound',
  'IncorrectInstanceStatus',
  'Missing%s',
  'Invalid%s',
  'NoPermission',
  'InvalidParameter.%s',
];

/** Of listeners. */
export const createErrors = [...changeErrors, 'ListenerAlreadyExists'];
export const setErrors = [...changeErrors, 'ListenerNotFound', 'IncorrectListenerStatus'];
export const runErrors = [...setErrors, 'TooManyListeners'];
export const describeErrors = [
  'ListenerNotFound',
  'LoadBalancerNotFound',
  'ens.interface.error',
  'Missing%s',
  'Invalid%s',
  'NoPermission',
];
