import { z } from 'zod';
import { type Access, type Action, ramName, versions } from '../api/actions/action.ts';
import type { Schema } from './fields.ts';

/**
 * An action as plain data. The command line's help, the Explorer, samples, reference pages and
 * openapi.json are printed from it; it travels to the browser as JSON.
 */
export interface ActionDescription {
  readonly name: string;
  readonly product: string;
  readonly version: string;
  readonly summary: string;
  readonly description: string;
  readonly access: Access;
  /** `ens:RemoveBackendServers` */
  readonly ramName: string;
  /** Calls a second: over all callers, and for each account. */
  readonly limits: { readonly perApi: number; readonly perAccount: number };
  readonly parameters: Schema;
  /** The answer less RequestId. */
  readonly answer: Schema;
  /** Codes of the error table that it raises besides the gateway's own. */
  readonly errors: readonly string[];
  /** The answer is a stream of JSON lines that ends when the caller leaves. */
  readonly streams: boolean;
}

export function describe(action: Action): ActionDescription {
  const { name, product, summary, description = '', access, limits, errors } = action;
  return {
    name,
    product,
    version: versions[product],
    summary,
    description,
    access,
    ramName: ramName(action),
    limits,
    parameters: z.toJSONSchema(action.input, { io: 'input', unrepresentable: 'any' }) as Schema,
    answer: z.toJSONSchema(action.output, { io: 'output', unrepresentable: 'any' }) as Schema,
    errors,
    streams: action.stream !== undefined,
  };
}
