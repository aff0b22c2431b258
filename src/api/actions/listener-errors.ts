/** Codes of the pages of the listener family. */
const family = [
  'ens.interface.error',
  'LoadBalancerNotFound',
  'IncorrectInstanceStatus',
  'Missing%s',
  'Invalid%s',
  'NoPermission',
  'InvalidParameter.%s',
];

export const createErrors = [...family, 'ListenerAlreadyExists'];
export const setErrors = [...family, 'ListenerNotFound', 'IncorrectListenerStatus'];
export const runErrors = [...setErrors, 'TooManyListeners'];
export const describeErrors = [
  'ListenerNotFound',
  'LoadBalancerNotFound',
  'ens.interface.error',
  'Missing%s',
  'Invalid%s',
  'NoPermission',
];
