import { type Action, ramName, versions } from '../api/actions/action.ts';
import { describe } from '../sdk/describe.ts';
import { Asset } from './assets.ts';

/**
 * The actions as the page's Explorer reads them: `actions.json` lists them, and
 * `actions/Ens/RemoveBackendServers.json` is one whole. Each is made when it is first asked for.
 */
export function descriptions(actions: readonly Action[]): (path: string) => Asset | undefined {
  const makers = new Map<string, () => unknown>([
    ['actions.json', () => actions.map(summaryOf)],
    ...actions.map((action): [string, () => unknown] => [
      `actions/${action.product}/${action.name}.json`,
      () => describe(action),
    ]),
  ]);
  const made = new Map<string, Asset>();
  return (path) => {
    const make = makers.get(path);
    if (make === undefined) return undefined;
    const asset = made.get(path) ?? new Asset(path, Buffer.from(JSON.stringify(make())));
    made.set(path, asset);
    return asset;
  };
}

function summaryOf(action: Action) {
  const { name, product, summary, access } = action;
  return { name, product, version: versions[product], ramName: ramName(action), summary, access };
}
