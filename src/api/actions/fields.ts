import { z } from 'zod';

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

/** A text that people read: it never reaches an engine. `http://` and `https://` may not lead. */
export function label(min: number, max: number) {
  return z
    .string()
    .regex(new RegExp(`^(?!https?://)[^]{${min},${max}}$`, 'u'))
    .refine((text) => [...text].length >= min, 'too short');
}

export const description = label(1, 80)
  .optional()
  .describe('A name of 1 to 80 characters for people.');

export const siteId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/)
  .describe('The ID of the edge node, such as cn-chengdu-telecom.');

/** An id that the caller was given earlier; what it names is checked by the action. */
export const id = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9_-]+$/);

export const on = z.enum(['on', 'off']);

/** `RequestId` is put on top of every answer; an action's output holds the rest. */
export const nothing = z.object({});
