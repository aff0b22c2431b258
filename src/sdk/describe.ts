import { z } from 'zod';
import { type Access, type Action, ramName, versions } from '../api/actions/action.ts';
import type { Caller } from '../api/call.ts';
import { answerTexts } from './answer-texts.ts';
import { withExamples } from './examples.ts';
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
  /** What RAM judges it on: `acs:ens:*:<account>:loadbalancer/<LoadBalancerId>`, or `*`. */
  readonly resources: readonly string[];
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
    resources: resourcesOf(action),
    limits,
    parameters: schemaOf(action.input, 'input', name),
    answer: withTexts(schemaOf(action.output, 'output', name)),
    errors,
    streams: action.stream !== undefined,
  };
}

function schemaOf(type: z.ZodType, io: 'input' | 'output', action: string): Schema {
  return withExamples(z.toJSONSchema(type, { io, unrepresentable: 'any' }) as Schema, action);
}

/** The same with a text at every field that has none of its own but a name that is told of. */
function withTexts(schema: Schema, name = ''): Schema {
  const { properties, items, description = answerTexts[name] } = schema;
  const inner = Object.entries(properties ?? {});
  return {
    ...schema,
    ...(description === undefined ? {} : { description }),
    ...(items === undefined ? {} : { items: withTexts(items) }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(inner.map(([key, each]) => [key, withTexts(each, key)])),
        }),
  };
}

/** The resources with `<Name>` where the value of a parameter stands. */
function resourcesOf({ resource }: Action): readonly string[] {
  if (resource === undefined) return ['*'];
  const named = new Proxy({}, { get: (_target, name) => `<${String(name)}>` });
  return [resource(named, '<account>', nobody)].flat();
}

const nobody: Caller = {
  account: '<account>',
  principal: { kind: 'root' },
  accessKeyId: '',
  sourceIp: '',
  userAgent: '',
  secure: true,
};
