import { pino } from 'pino';
import type { AccessKeyPair } from './access-key-pair.ts';
import type { Trust } from './client.ts';
import type { Log } from './log.ts';

/** A running process of Sluice, whatever it runs. */
export interface Running {
  /** Where the API is: `http://host:port`. */
  readonly endpoint: string;
  /** How a client in this process knows that endpoint. */
  readonly trust: Trust;
  /** The root access key, when it was made just now: the only time it is shown. */
  readonly freshRootKey?: AccessKeyPair;
  /** Stops accepting, finishes what runs; traffic goes on unless told otherwise. */
  stop(options: { readonly stopTraffic: boolean }): Promise<void>;
}

/** The log of a process: JSON lines on standard error. */
export function createLog(level: string): Log {
  return pino({ level }, pino.destination({ fd: 2, sync: true }));
}
