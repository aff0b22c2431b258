import type { Signal } from '@preact/signals';
import { limits } from '../../limits.ts';
import type { ActionDescription } from '../../sdk/describe.ts';
import { type Answer, CallFailed, follow, type Product, send } from '../door.ts';
import { headersOf } from './address.ts';
import { factsOf } from './facts.ts';
import type { Form } from './form.ts';
import { remember } from './history.ts';

/** One call from its start to what came of it. */
export interface Trial {
  readonly isRunning: boolean;
  readonly isDryRun: boolean;
  /** What came, errors of the API included. */
  readonly answer?: Answer;
  /** The newest lines of a stream, and how many came. */
  readonly lines?: readonly string[];
  readonly lineCount?: number;
  /** Why no answer came. */
  readonly trouble?: unknown;
  readonly stop: () => void;
}

/** Makes the form's call, and tells `trial` how it goes. */
export async function tryCall(form: Form, trial: Signal<Trial | undefined>): Promise<void> {
  const { action } = form;
  const { query } = form.address.value;
  const headers = headersOf(form.options.value);
  const controller = new AbortController();
  const isDryRun = headers['x-sluice-dry-run'] === 'true';
  const begun = { isRunning: true, isDryRun, stop: () => controller.abort() };
  trial.value = begun;
  const at = new Date();
  const came = action.streams
    ? await readLines(form, controller.signal, (lines, lineCount) => {
        trial.value = { ...begun, lines, lineCount };
      })
    : await readAnswer(form, headers, controller.signal);
  trial.value = { ...trial.value, ...came, isRunning: false, isDryRun, stop: begun.stop };
  const { status, milliseconds } = came.answer ?? { status: 0, milliseconds: 0 };
  const code = came.answer ? (factsOf(came.answer).code ?? 'OK') : 'no answer';
  const { product, name } = action;
  remember({ product, action: name, query, at, status, code, milliseconds, isDryRun });
}

type Came = Pick<Trial, 'answer' | 'trouble'>;

async function readAnswer(
  { action, parameters, options }: Form,
  headers: Readonly<Record<string, string>>,
  aborted: AbortSignal,
): Promise<Came> {
  const { product, name } = action as ActionDescription & { readonly product: Product };
  const asked = {
    product,
    action: name,
    parameters: parameters.value ?? {},
    headers,
    format: options.value.Format === 'XML' ? ('XML' as const) : ('JSON' as const),
  };
  try {
    return { answer: await send(asked, aborted) };
  } catch (error) {
    return aborted.aborted ? { trouble: stopped } : { trouble: error };
  }
}

const stopped = new Error('You stopped waiting. The call may have been carried out all the same.');

async function readLines(
  { action, parameters }: Form,
  aborted: AbortSignal,
  tell: (lines: readonly string[], count: number) => void,
): Promise<Came> {
  const { product, name } = action as ActionDescription & { readonly product: Product };
  const begun = performance.now();
  const answer = (status: number, text: string): Answer => ({
    status,
    headers: {},
    text,
    milliseconds: performance.now() - begun,
  });
  let lines: readonly string[] = [];
  let count = 0;
  try {
    for await (const line of follow(product, name, parameters.value ?? {}, aborted)) {
      count += 1;
      lines = [...lines, JSON.stringify(line)].slice(-limits.explorerLines);
      tell(lines, count);
    }
    return { answer: answer(200, '') };
  } catch (error) {
    if (aborted.aborted) return { answer: answer(200, '') };
    if (!(error instanceof CallFailed) || error.status === 0) return { trouble: error };
    return { answer: answer(error.status, JSON.stringify(error.body)) };
  }
}
