import { z } from 'zod';
import { canonicalAddress, isUnicast } from '../../elb/cidr.ts';
import { specFigures } from '../../elb/specs.ts';

/** Parameters that many actions share, typed as the caller means them. */

export const loadBalancerId = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9-]+$/)
  .describe('The ID of the Edge Load Balancer (ELB) instance, such as lb-5….');

export const port = z.int().min(1).max(65_535);

export const listenerPort = port.describe(
  'The front-end port; with the protocol it names the listener.',
);

export const listenerProtocol = z
  .enum(['tcp', 'udp', 'http', 'https'])
  .optional()
  .describe('Needed only when one port carries listeners of several protocols.');

function labelPattern(min: number, max: number): string {
  return `(?!https?://)[^\\p{Cc}\\p{Zl}\\p{Zp}]{${min},${max}}`;
}

/**
 * A text that people read, `min` to `max` characters: it never reaches an engine, so any script
 * may be in it, but nothing that ends a line. `http://` and `https://` may not lead.
 */
export function label(min: number, max: number) {
  const pattern = new RegExp(`^${labelPattern(min, max)}$`, 'u');
  return z.string().regex(pattern).meta({ minLength: min, maxLength: max });
}

/** The same text, which a call may also send empty: then it clears what was set. */
export function clearableLabel(min: number, max: number) {
  const pattern = new RegExp(`^(?:${labelPattern(min, max)})?$`, 'u');
  return z.string().regex(pattern).meta({ clearable: true, maxLength: max });
}

export const description = clearableLabel(1, 80)
  .optional()
  .describe('A name of 1 to 80 characters for people; sent empty, there is none.');

/** A text of several lines. No other text may hold the end of one. */
export function multiline(max: number, describes: string) {
  return z.string().max(max).meta({ multiline: true, description: describes });
}

export const siteId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/)
  .meta({ minLength: 1, maxLength: 63 })
  .describe('The ID of the edge node, such as cn-chenzhou-telecom_unicom_cmcc.');

/** An address that one machine may have, in its canonical text. */
export const address = z
  .string()
  .max(64)
  .overwrite((text) => canonicalAddress(text) ?? text)
  .refine(isUnicast, 'no IPv4 or IPv6 address that a machine may have');

/** An id that the caller was given earlier; what it names is checked by the action. */
export const id = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9_-]+$/);

/** The texts of the Terraform provider name these. */
export const loadBalancerSpecs = [...specFigures.keys()];

export const loadBalancerSpec = z
  .enum(loadBalancerSpecs)
  .describe('The specification of the load balancer.');

export const loadBalancerType = z
  .enum(['CLB', 'InternetDR'])
  .describe('CLB: classic. InternetDR: public mode.');

export const loadBalancerStatus = z
  .enum(['Active', 'InActive'])
  .describe('InActive: no listener forwards; the configuration stays.');

/**
 * The same parameters with the documented defaults, for pages and openapi.json. What is absent
 * stays absent: the record that an action makes has them.
 */
export function withDefaults<Shape extends Readonly<Record<string, z.ZodType>>>(
  shape: Shape,
  defaults: Partial<Record<keyof Shape, unknown>>,
): Shape {
  const entries = Object.entries(shape).map(([name, schema]) =>
    name in defaults
      ? [name, schema.meta({ ...schema.meta(), default: defaults[name] })]
      : [name, schema],
  );
  return Object.fromEntries(entries) as Shape;
}

export const on = z.enum(['on', 'off']);

/** `RequestId` is put on top of every answer; an action's output holds the rest. */
export const nothing = z.object({});
