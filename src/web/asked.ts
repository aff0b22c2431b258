import { z } from 'zod';
import { versions } from '../api/actions/action.ts';
import { ApiError } from '../api/errors.ts';
import { limits } from '../limits.ts';

/** Bodies that the page sends. */

/** One call: what is asked, with parameters as the caller means them. */
export const askedCall = z.object({
  product: z.enum(Object.keys(versions) as (keyof typeof versions)[]),
  action: z.string().regex(/^[A-Za-z]\w{0,127}$/),
  parameters: z.record(z.string(), z.unknown()).default({}),
  headers: z
    .record(z.string().regex(/^x-sluice-[a-z-]{1,40}$/), z.string().regex(/^[\x20-\x7e]{0,256}$/))
    .default({}),
  format: z.enum(['JSON', 'XML']).optional(),
});

/** An access key pair. */
export const askedSignIn = z.object({
  AccessKeyId: z.string().max(limits.consoleSecret),
  AccessKeySecret: z.string().max(limits.consoleSecret),
});

/**
 * Reads a JSON body.
 * @throws ApiError UnsupportedParameter
 */
export function readBody<Schema extends z.ZodType>(
  schema: Schema,
  body: unknown,
  contentType: string | undefined,
): z.infer<Schema> {
  // A foreign page's form cannot send this type without asking first.
  if (!contentType?.toLowerCase().startsWith('application/json')) refuse('not application/json');
  const parsed = schema.safeParse(parse(body));
  if (parsed.success) return parsed.data;
  const { path = [], message = '' } = parsed.error.issues[0] ?? {};
  refuse(`${path.join('.')}: ${message}`);
}

function parse(body: unknown): unknown {
  let value: unknown;
  try {
    value = JSON.parse(body instanceof Buffer ? body.toString('utf8') : '');
  } catch {
    refuse('not well-formed JSON');
  }
  if (isDeeper(value, limits.consoleDepth)) refuse('nested too deeply');
  return value;
}

function isDeeper(value: unknown, depth: number): boolean {
  let level = [value];
  for (let left = depth; left > 0 && level.length > 0; left -= 1) {
    level = level.flatMap((each) =>
      typeof each === 'object' && each !== null ? Object.values(each) : [],
    );
  }
  return level.length > 0;
}

function refuse(detail: string): never {
  throw new ApiError('UnsupportedParameter', { detail });
}
