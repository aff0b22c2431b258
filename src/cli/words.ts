/** Every command that is not an action; those that start or end a process are in main.ts. */
export const words: readonly string[] = [
  ...['up', 'control-plane', 'forwarder', 'stop', 'backup', 'restore', 'keys'],
  ...['drains', 'console', 'audit', 'actions', 'help', 'version'],
];
