import type { ActionDescription } from '../sdk/describe.ts';
import { CallFailed } from './door.ts';
import { ended } from './session.ts';

/** What a list of actions shows of one. */
export type Listed = Pick<
  ActionDescription,
  'name' | 'product' | 'version' | 'summary' | 'access' | 'ramName'
>;

/** Actions of the control plane do not change while the page is open. */
const answers = new Map<string, Promise<unknown>>();

/** Every action of every product. */
export function listActions(): Promise<readonly Listed[]> {
  return fetchOnce('actions.json');
}

/** @throws CallFailed, also where there is no such action */
export function describeAction(product: string, name: string): Promise<ActionDescription> {
  return fetchOnce(`actions/${encodeURIComponent(product)}/${encodeURIComponent(name)}.json`);
}

function fetchOnce<Body>(path: string): Promise<Body> {
  const known = answers.get(path) ?? fetchJson(path);
  answers.set(path, known);
  // What failed is asked for again the next time.
  known.catch(() => answers.delete(path));
  return known as Promise<Body>;
}

async function fetchJson(path: string): Promise<unknown> {
  const response = await fetch(`/console/${path}`).catch(() => undefined);
  if (response?.ok) return response.json();
  if (response?.status === 401) ended();
  throw response?.status === 404
    ? new CallFailed(404, { Code: 'NotFound', Message: 'There is no such action.' })
    : new CallFailed(response?.status ?? 0, {
        Code: 'Unreachable',
        Message: 'The control plane does not tell about its actions. It may be restarting.',
      });
}
