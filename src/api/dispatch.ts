import { randomUUID } from 'node:crypto';
import { Refusal } from '../elb/refusal.ts';
import { limits } from '../limits.ts';
import { StoreUnavailable } from '../store/store.ts';
import { type Action, versions } from './actions/action.ts';
import { isEnsAction } from './actions/ens-actions.ts';
import { type Answer, type AnswerContext, failure, hostOf, streaming, success } from './answer.ts';
import { authenticate, type Credentials } from './authenticate.ts';
import { type AuthoriseOptions, authorise } from './authorise.ts';
import type { Call } from './call.ts';
import type { CallInit } from './calls.ts';
import { ApiError, fromRefusal } from './errors.ts';
import { readExtensions } from './extensions.ts';
import { readInput } from './parameters.ts';
import { formatOf, type RawRequest, type RpcRequest, readRequest } from './request.ts';
import { namedAction } from './signature.ts';
import type { Throttle } from './throttle.ts';
import type { EndedCall } from './trail/ended-calls.ts';

export interface DispatchOptions extends AuthoriseOptions, Credentials {
  readonly identities: AuthoriseOptions['identities'] & Credentials['identities'];
  /** Keyed `<version> <name>`. */
  readonly catalogue: ReadonlyMap<string, Action>;
  readonly throttle: Throttle;
  /**
   * Holds back the answer to a call that proves nothing, from an address that makes too many: it
   * calls again when it has one. Resolves early when the caller has left.
   */
  readonly holdBack: (left: AbortSignal) => Promise<void>;
  readonly createCall: (init: CallInit) => Call;
  /** Told of faults of ours, which the caller sees as InternalError or ServiceUnavailable only. */
  readonly onFault: (error: unknown, requestId: string) => void;
  /** Told of every answer, for metrics; `code` is OK or the error's. */
  readonly onAnswer: (seen: { action: string; code: string; seconds: number }) => void;
  /** Told how each call of a proven caller ended, for the audit log. */
  readonly onCall: (call: EndedCall) => void;
}

/** Answers one request; never throws. `signal` aborts when the caller has left. */
export type Dispatch = (raw: RawRequest, signal: AbortSignal) => Promise<Answer>;

/** What an answer needs to know, filled in while the request is read. */
interface Seen extends AnswerContext {
  format: AnswerContext['format'];
  action?: Action;
  /** Set once the caller is proven. */
  asked?: Omit<EndedCall, 'error'>;
}

/**
 * The path of every call, in the order of the gateway's checks: what is asked, who asks, is it
 * fresh and no replay, not too often, well formed, allowed; then the action, then the answer.
 */
export function createDispatch(options: DispatchOptions): Dispatch {
  return async (raw, signal) => {
    const begun = options.now();
    const seen: Seen = {
      requestId: randomUUID().toUpperCase(),
      host: hostOf(raw.headers),
      scheme: raw.secure ? 'https' : 'http',
      format: 'JSON',
    };
    const tell = (code: string) => {
      const seconds = (options.now() - begun) / 1000;
      options.onAnswer({ action: seen.action?.name ?? 'unknown', code, seconds });
    };
    try {
      const answer = await answerCall(options, raw, seen, signal);
      tell('OK');
      if (seen.asked) options.onCall(seen.asked);
      return answer;
    } catch (error) {
      const told = toApiError(error, options, seen, signal);
      const shown = seen.asked ? told : options.throttle.refuse(raw.sourceIp, told);
      tell(shown.code);
      if (seen.asked) options.onCall({ ...seen.asked, error: shown });
      else if (shown.code === 'Throttling') await options.holdBack(signal);
      return failure(seen, shown);
    }
  };
}

async function answerCall(
  options: DispatchOptions,
  raw: RawRequest,
  seen: Seen,
  signal: AbortSignal,
): Promise<Answer> {
  if (raw.method !== 'GET' && raw.method !== 'POST') throw new ApiError('UnsupportedHTTPMethod');
  const request = readRequest(raw);
  if (request.parameters.get('Format')?.toUpperCase() === 'XML') seen.format = 'XML';
  const action = findAction(options.catalogue, request, seen);
  seen.action = action;
  seen.format = formatOf(request.parameters);
  const caller = await authenticate(options, request);
  const asked = {
    action,
    requestId: seen.requestId,
    host: seen.host,
    caller,
    // Only what is recorded needs them, so most reads need not gather them.
    get parameters() {
      return Object.fromEntries(request.parameters);
    },
  };
  seen.asked = { asked };
  raw.onProven?.();
  options.throttle.admit(caller.account, action);
  const extensions = readExtensions(request.headers);
  const input = readInput(action, request.parameters);
  const decidedBy = await authorise(options, action, input, caller);
  const call = options.createCall({
    action,
    requestId: seen.requestId,
    host: seen.host,
    caller,
    extensions,
    get parameters() {
      return asked.parameters;
    },
    decidedBy,
    signal,
  });
  seen.asked = { asked, call, decidedBy };
  if (action.stream) {
    const lines = await opened(action.stream(input, call));
    return streaming(seen, ended(lines, options, seen.requestId, signal));
  }
  const output = await action.run(input, call);
  return success(seen, action.name, output, call.answer);
}

function findAction(
  catalogue: ReadonlyMap<string, Action>,
  request: RpcRequest,
  { scheme, host }: Seen,
): Action {
  const { action, version } = namedAction(request);
  const found = catalogue.get(`${version} ${action}`);
  if (found !== undefined) return found;
  const known = catalogue.keys().some((key) => key.startsWith(`${version} `));
  if (!known) throw new ApiError('InvalidVersion');
  if (version !== versions.Ens || !isEnsAction(action))
    throw new ApiError('InvalidAction.NotFound');
  const page = `${scheme}://${host}/docs/compatibility`;
  const detail = `ENS has the action ${action}; Sluice does not serve it: see ${page}`;
  throw new ApiError('InvalidAction.NotFound', { detail });
}

/** Takes the first line before the answer begins, so that a refusal still is an error answer. */
async function opened(lines: AsyncIterable<string>): Promise<AsyncIterable<string>> {
  const iterator = lines[Symbol.asyncIterator]();
  const first = await iterator.next();
  return (async function* () {
    try {
      for (let line = first; !line.done; line = await iterator.next()) yield line.value;
    } finally {
      // A reader that has left asks for no further line, which would have told its source.
      await iterator.return?.();
    }
  })();
}

/** Ends a stream whose source fails: its 200 has been sent, and its reader calls again. */
async function* ended(
  lines: AsyncIterable<string>,
  { onFault }: DispatchOptions,
  requestId: string,
  signal: AbortSignal,
): AsyncIterable<string> {
  try {
    yield* lines;
  } catch (error) {
    if (!signal.aborted) onFault(error, requestId);
  }
}

function toApiError(
  error: unknown,
  { onFault }: DispatchOptions,
  { action, requestId }: Seen,
  signal: AbortSignal,
): ApiError {
  if (error instanceof ApiError) return error;
  const refused =
    error instanceof Refusal ? fromRefusal(error, action?.loadBalancerIdSpelling) : undefined;
  if (refused !== undefined) return refused;
  // An action that was broken off with its caller is no fault; nobody reads this answer.
  if (!(signal.aborted && isAbort(error))) onFault(error, requestId);
  if (!(error instanceof StoreUnavailable)) return new ApiError('InternalError');
  // Clients repeat at once what carries a retry time: only what surely did nothing may have one.
  return new ApiError(
    'ServiceUnavailable',
    error.outcome === 'nothing-changed'
      ? { detail: 'nothing was changed', retryAfterMs: limits.storeRetry }
      : { detail: 'it is not known whether the change was made; read before you repeat it' },
  );
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
