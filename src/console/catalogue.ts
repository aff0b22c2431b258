import type { ActionDescription } from '../sdk/describe.ts';
import { CallFailed } from './door.ts';

/** Descriptions do not change while the page is open. */
const known = new Map<string, Promise<ActionDescription>>();

/**
 * An action as data, for whatever is printed from it.
 * @throws CallFailed
 */
export function describeAction(product: string, name: string): Promise<ActionDescription> {
  const path = `/console/actions/${product}/${name}.json`;
  const asked = known.get(path) ?? read(path);
  known.set(path, asked);
  // What failed is asked for again the next time.
  asked.catch(() => known.delete(path));
  return asked;
}

async function read(path: string): Promise<ActionDescription> {
  const response = await fetch(path).catch(() => undefined);
  if (response?.ok) return (await response.json()) as ActionDescription;
  throw new CallFailed(response?.status ?? 0, {
    Code: 'Unreachable',
    Message: 'The control plane does not tell about its actions. It may be restarting.',
  });
}
