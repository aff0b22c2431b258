import type { Log } from '../../src/log.ts';

/** Says nothing. */
export const silent: Log = { info() {}, warn() {}, error() {} };
