/** What a load balancer of one specification carries at most, over all its listeners. */
export interface SpecFigures {
  /** Connections at a time. */
  readonly connections: number;
  /** New connections a second. */
  readonly newConnections: number;
  /** HTTP requests a second. */
  readonly queries: number;
}

/**
 * By specification. ENS documents the first one, and the connections of the second; what is left
 * are the figures of the specification of that name of Classic Load Balancer, and of the last one
 * more new connections and requests, so that one specification is the machine's own bound.
 */
export const specFigures: ReadonlyMap<string, SpecFigures> = new Map([
  ['elb.s1.small', { connections: 5_000, newConnections: 2_000, queries: 800 }],
  ['elb.s2.small', { connections: 50_000, newConnections: 5_000, queries: 5_000 }],
  ['elb.s2.medium', { connections: 100_000, newConnections: 10_000, queries: 10_000 }],
  ['elb.s3.small', { connections: 200_000, newConnections: 20_000, queries: 20_000 }],
  ['elb.s3.medium', { connections: 500_000, newConnections: 100_000, queries: 100_000 }],
]);
