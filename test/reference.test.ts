import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type RpcClient, RpcError } from '../src/client.ts';
import { type DocumentedError, Explained, served } from './reference/documented.ts';
import { type FieldWalk, walkFields } from './reference/fields.ts';
import { probesOf } from './reference/probes.ts';
import { provocationsOf } from './reference/provocations.ts';
import { openScene, type Scene } from './reference/scene.ts';

/**
 * Walks the reference: every parameter at its bounds, every field of every answer, every row of the
 * error table. What cannot be met has its reason in docs/compatibility.md, which this test reads.
 */

/** How a call ended; code and message are empty when it succeeded. */
interface Ending {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly body: unknown;
}

let scene: Scene;
/** Refusals of each action, from all that was tried. */
const refusals = new Map<string, Ending[]>();
before(async () => {
  scene = await openScene();
});
after(() => scene?.close());

const dryRun = { headers: { 'x-sluice-dry-run': 'true' } };

async function tried(
  action: string,
  parameters: Readonly<Record<string, unknown>>,
  by: RpcClient = scene.sluice.client,
): Promise<Ending> {
  try {
    const { status, body } = await by.call('Ens', action, parameters, dryRun);
    return { status, code: '', message: '', body };
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    const { status, code, message, body } = error;
    const ending = { status, code, message, body };
    refusals.set(action, [...(refusals.get(action) ?? []), ending]);
    return ending;
  }
}

test('every field of every answer is there with its type, where no list is empty', async (t) => {
  const explained = new Explained('Lists that are always empty');
  const walk: FieldWalk = { present: 0, explained: 0, unexplained: [] };
  for (const [action, { response }] of served) {
    const { code, message, body } = await tried(action, scene.good.get(action) ?? {});
    if (code !== '') walk.unexplained.push(`${action}: ${code}: ${message}`);
    else {
      const unexplained: string[] = [];
      const mayBeEmpty = (path: string) => explained.has(path, action);
      const own = { ...walk, unexplained };
      walkFields(own, response, [body], '', mayBeEmpty);
      Object.assign(walk, { present: own.present, explained: own.explained });
      walk.unexplained.push(...unexplained.map((each) => `${action}: ${each}`));
    }
  }
  t.diagnostic(
    `${served.size} answers: ${walk.present} fields present, ${walk.explained} explained, ` +
      `${walk.unexplained.length} unexplained`,
  );
  assert.deepEqual(walk.unexplained, []);
  assert.deepEqual(explained.stale, [], 'explained, but there');
});

test('every parameter is taken and refused at its bounds as documented', async (t) => {
  const explained = new Explained('Parameters that take more than documented');
  const unexplained: string[] = [];
  const counts = { taken: 0, refused: 0, missing: 0, explained: 0 };
  for (const [action, { params }] of served) {
    for (const parameter of params) {
      for (const { what, name, value, expect } of probesOf(parameter)) {
        const { [parameter.name]: _, ...others } = scene.good.get(action) ?? {};
        const parameters = value === undefined ? others : { ...others, [parameter.name]: value };
        const { status, code } = await tried(action, parameters);
        const isRefused = [`Invalid${name}`, `InvalidParameter.${name}`].includes(code);
        const seen = code === `Missing${name}` ? 'missing' : isRefused ? 'refused' : 'taken';
        if (seen === expect && status < 500) counts[expect] += 1;
        else if (explained.has(what, action)) counts.explained += 1;
        else unexplained.push(`${action}: ${what} is ${seen}, not ${expect} (${status} ${code})`);
      }
    }
  }
  t.diagnostic(
    `${counts.taken} probes taken, ${counts.refused} refused, ${counts.missing} missing, ` +
      `${counts.explained} explained, ${unexplained.length} unexplained`,
  );
  assert.deepEqual(unexplained, []);
  assert.deepEqual(explained.stale, [], 'explained, but as documented');
});

test('every row of the error table is met, or cannot be and says why', async (t) => {
  for (const { action, parameters } of await provocationsOf(scene)) {
    await tried(action, parameters);
  }
  for (const action of served.keys()) {
    await tried(action, scene.good.get(action) ?? {}, scene.stranger);
  }
  const explained = new Explained('Errors that cannot arise here');
  const unexplained: string[] = [];
  const counts = { exact: 0, withWord: 0, explained: 0 };
  for (const [action, { errors }] of served) {
    for (const row of errors) {
      const met = (refusals.get(action) ?? []).map((ending) => compare(row, ending));
      if (met.includes('exact')) counts.exact += 1;
      else if (met.includes('with a word')) counts.withWord += 1;
      else if (explained.has(row.code, action)) counts.explained += 1;
      else unexplained.push(`${action}: ${row.code}: ${met.find((each) => each) ?? 'not met'}`);
    }
  }
  const rows = [...served.values()].reduce((sum, { errors }) => sum + errors.length, 0);
  t.diagnostic(
    `${rows} error rows: ${counts.exact} met exactly, ${counts.withWord} with the word that ` +
      `Terraform looks for, ${counts.explained} explained, ${unexplained.length} unexplained`,
  );
  assert.deepEqual(unexplained, []);
  assert.deepEqual(explained.stale, [], 'explained, but met');
});

/** Where clients look for the code in the text (docs/compatibility.md, Errors). */
const worded = ['ListenerNotFound', 'LoadBalancerNotFound'];

/** How an ending meets a row: exactly, with a word more, otherwise (told), or not (undefined). */
function compare({ code, http, message }: DocumentedError, ending: Ending): string | undefined {
  const [before = '', after] = code.split('%s');
  const subject = after === undefined ? '' : ending.code.slice(before.length);
  if (ending.code !== (after === undefined ? code : `${before}${subject}`)) return undefined;
  if (after !== undefined && !/^\w+$/.test(subject)) return undefined;
  const expected = message === '(text unknown)' ? ending.message : message.replace('%s', subject);
  if (ending.status !== http) return `status ${ending.status}`;
  if (ending.message === expected) return 'exact';
  const hasWord = worded.includes(code) && ending.message === `${expected} ${code}`;
  return hasWord ? 'with a word' : ending.message;
}
