import type { z } from 'zod';
import type { Call, Caller } from '../call.ts';

/** Products share one door and are told apart by (Action, Version). */
export const versions = {
  Ens: '2017-11-10',
  Cas: '2020-04-07',
  Ram: '2015-05-01',
  Sts: '2015-04-01',
  Actiontrail: '2020-07-06',
  Sluice: '2026-11-24',
} as const;

export type Product = keyof typeof versions;

/** RAM's level of an action; `create`, `update` and `delete` are writes and are always audited. */
export type Access = 'create' | 'list' | 'get' | 'update' | 'delete';

type Fields = z.ZodObject;

/**
 * One action of the API. Everything else (dispatch, validation, RAM name, throttling, errors, CLI,
 * openapi.json, reference pages) derives from this object; adding an action is adding one.
 */
export interface Action<Input extends Fields = Fields, Output extends Fields = Fields> {
  readonly name: string;
  readonly product: Product;
  readonly access: Access;
  readonly summary: string;
  /** Further sentences for the reference page and `--help`. */
  readonly description?: string;
  /**
   * The parameters, typed as the caller means them (numbers as numbers, lists as lists);
   * `api/parameters` turns wire text into that before the schema checks it.
   */
  readonly input: Input;
  /** The answer less RequestId, in the letter case and types of the wire. */
  readonly output: Output;
  /** Codes of `api/errors` that it may raise besides the gateway's own. */
  readonly errors: readonly string[];
  /** Calls a second: over all callers, and for each account. */
  readonly limits: { readonly perApi: number; readonly perAccount: number };
  /** The spelling of the parameter in LoadBalancerNotFound's text; sources differ by action. */
  readonly loadBalancerIdSpelling?: 'LoadBalancerId' | 'loadBalancerId';
  /**
   * The RAM resource the parameters name, or several that must all be allowed. Absent: the load
   * balancer, where LoadBalancerId must be given; else `*`.
   */
  readonly resource?: (
    input: z.infer<Input>,
    account: string,
    caller: Caller,
  ) => string | readonly string[];
  /** Whoever has an access key may call it: no policy is looked at. */
  readonly forEverybody?: true;
  /** True for an answer that is a stream (`stream` is then called instead of `run`). */
  readonly stream?: (input: z.infer<Input>, call: Call) => AsyncIterable<string>;
  run(input: z.infer<Input>, call: Call): Promise<z.infer<Output>>;
}

/** Keeps the types of one action's schema while the catalogue holds them all alike. */
export function defineAction<Input extends Fields, Output extends Fields>(
  action: Action<Input, Output>,
): Action {
  const defined = action as unknown as Action;
  const { LoadBalancerId: named } = defined.input.shape;
  if (defined.resource !== undefined || named?.safeParse(undefined).success !== false) {
    return defined;
  }
  return {
    ...defined,
    resource: (input, account) => loadBalancerResource(String(input.LoadBalancerId), account),
  };
}

/** The documented limits of nearly every action. */
export const documentedLimits = { perApi: 100, perAccount: 10 } as const;

/** What RAM calls a product, where that is not its name. */
const ramProducts: Partial<Record<Product, string>> = { Cas: 'yundun-cert' };

/** `ens:RemoveBackendServers`, `yundun-cert:UploadUserCertificate` */
export function ramName({ product, name }: Pick<Action, 'product' | 'name'>): string {
  return `${ramProducts[product] ?? product.toLowerCase()}:${name}`;
}

/** What of ENS can be a RAM resource besides load balancers. */
export type EnsKind = 'loadbalancer' | 'network' | 'vswitch' | 'instance';

/**
 * The RAM resource of something in a site; where parameters do not tell the site, it is filled in
 * before policies are asked. `*` for the ID: any of them, as a list or a creation names.
 */
export function ensResource(
  kind: EnsKind,
  account: string,
  {
    id = '*',
    site = '*',
  }: { readonly id?: string | undefined; readonly site?: string | undefined },
): string {
  return `acs:ens:${site}:${account}:${kind}/${id}`;
}

/** The RAM resource of a load balancer; parameters alone do not tell its site. */
export function loadBalancerResource(id: string, account: string, site = '*'): string {
  return ensResource('loadbalancer', account, { id, site });
}
