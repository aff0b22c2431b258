import { randomUUID } from 'node:crypto';
import { Refusal } from '../elb/refusal.ts';
import { limits } from '../limits.ts';
import type { AccessRequest, Decision } from '../ram/evaluate.ts';
import { StoreUnavailable } from '../store/store.ts';
import type { AccessKey } from './access-keys.ts';
import { type Action, ramName } from './actions/action.ts';
import { type Answer, type AnswerContext, failure, streaming, success } from './answer.ts';
import type { Call, Caller } from './call.ts';
import type { CallInit } from './calls.ts';
import { ApiError, fromRefusal } from './errors.ts';
import { readExtensions } from './extensions.ts';
import type { Nonces } from './nonces.ts';
import { readInput } from './parameters.ts';
import { type Format, formatOf, type RawRequest, type RpcRequest, readRequest } from './request.ts';
import { namedAction, readClaim, verify } from './signature.ts';
import type { Throttle } from './throttle.ts';

export interface DispatchOptions {
  /** Keyed `<version> <name>`. */
  readonly catalogue: ReadonlyMap<string, Action>;
  readonly accessKeys: { find(id: string): Promise<AccessKey | undefined> };
  readonly nonces: Nonces;
  readonly throttle: Throttle;
  readonly authorise: (request: AccessRequest) => Decision;
  readonly createCall: (init: CallInit) => Call;
  readonly now: () => number;
  /** Told of faults of ours, which the caller sees as InternalError only. */
  readonly onFault: (error: unknown, requestId: string) => void;
  /** Told of every answer, for metrics. */
  readonly onAnswer: (seen: { action: string; code: string; seconds: number }) => void;
}

/** Answers one request; never throws. `signal` aborts when the caller has left. */
export type Dispatch = (raw: RawRequest, signal: AbortSignal) => Promise<Answer>;

/**
 * The path of every call, in the order of the gateway's checks: what is asked, who asks, is it
 * fresh and no replay, not too often, well formed, allowed; then the action, then the answer.
 */
export function createDispatch(options: DispatchOptions): Dispatch {
  return async (raw, signal) => {
    const begun = options.now();
    const context: AnswerContext = {
      requestId: randomUUID().toUpperCase(),
      host: hostOf(raw),
      scheme: raw.secure ? 'https' : 'http',
      format: 'JSON',
    };
    const seen = { action: 'unknown', format: context.format as Format };
    const finish = (answer: Answer, code: string) => {
      options.onAnswer({ action: seen.action, code, seconds: (options.now() - begun) / 1000 });
      return answer;
    };
    try {
      return finish(await answerCall(options, raw, context, seen, signal), 'OK');
    } catch (error) {
      const shown = toApiError(error, options, context.requestId);
      return finish(failure({ ...context, format: seen.format }, shown), shown.code);
    }
  };
}

async function answerCall(
  options: DispatchOptions,
  raw: RawRequest,
  context: AnswerContext,
  seen: { action: string; format: Format },
  signal: AbortSignal,
): Promise<Answer> {
  if (raw.method !== 'GET' && raw.method !== 'POST') throw new ApiError('UnsupportedHTTPMethod');
  const request = readRequest(raw);
  const action = findAction(options.catalogue, request);
  seen.action = action.name;
  seen.format = formatOf(request.parameters);
  const caller = await authenticate(options, request);
  options.throttle.admit(caller.account, action);
  const extensions = readExtensions(request.headers);
  const input = readInput(action, request.parameters);
  const decidedBy = authorise(options, action, input, caller);
  const parameters = Object.fromEntries(request.parameters);
  const { requestId } = context;
  const init = { action, requestId, caller, extensions, parameters, decidedBy, signal };
  const call = options.createCall(init);
  try {
    if (action.stream) return streaming(context, action.stream(input, call));
    const output = await action.run(input, call);
    return success({ ...context, format: seen.format }, action.name, output, call.answer);
  } catch (error) {
    if (error instanceof Refusal) throw fromRefusal(error, action.loadBalancerIdSpelling);
    throw error;
  }
}

function findAction(catalogue: ReadonlyMap<string, Action>, request: RpcRequest): Action {
  const { action, version } = namedAction(request);
  const found = catalogue.get(`${version} ${action}`);
  if (found !== undefined) return found;
  const known = [...catalogue.keys()].some((key) => key.startsWith(`${version} `));
  throw new ApiError(known ? 'InvalidAction.NotFound' : 'InvalidVersion');
}

/** Proves the signature, then burns the nonce: only a proven request may use one up. */
async function authenticate(options: DispatchOptions, request: RpcRequest): Promise<Caller> {
  const claim = readClaim(request, options.now());
  const key = await options.accessKeys.find(claim.accessKeyId);
  if (key === undefined) {
    throw new ApiError(
      claim.accessKeyId.startsWith('STS.') && claim.securityToken === undefined
        ? 'MissingSecurityToken'
        : 'InvalidAccessKeyId.NotFound',
    );
  }
  if (key.status !== 'Active') throw new ApiError('InvalidAccessKeyId.Inactive');
  if (claim.securityToken !== undefined) throw new ApiError('InvalidSecurityToken.Malformed');
  verify(claim, key.secret);
  if (!options.nonces.use(key.id, claim.nonce)) throw new ApiError('SignatureNonceUsed');
  return {
    account: key.account,
    accessKeyId: key.id,
    principal: key.principal,
    sourceIp: request.sourceIp,
    userAgent: (request.headers['user-agent'] ?? '').slice(0, limits.userAgent),
    secure: request.secure,
  };
}

function authorise(
  options: DispatchOptions,
  action: Action,
  input: Record<string, unknown>,
  caller: Caller,
) {
  const name = ramName(action);
  const resource = action.resource?.(input, caller.account) ?? '*';
  const decision = options.authorise({ principal: caller.principal, action: name, resource });
  if (decision.allowed) return decision.decidedBy;
  const accessDenied = {
    AuthAction: name,
    AuthPrincipalType: 'SubUser',
    AuthPrincipalOwnerId: caller.account,
    AuthPrincipalDisplayName: displayName(caller),
    PolicyType: 'AccountLevelIdentityBasedPolicy',
    NoPermissionType: decision.decidedBy === 'ImplicitDeny' ? 'ImplicitDeny' : 'ExplicitDeny',
    EncodedDiagnosticMessage: '',
  };
  throw new ApiError(action.product === 'Ens' ? 'NoPermission' : 'Forbidden.NoPermission', {
    accessDenied,
  });
}

function displayName({ principal, account }: Caller): string {
  return principal.kind === 'forwarder' ? `forwarder:${principal.name}` : account;
}

function toApiError(error: unknown, options: DispatchOptions, requestId: string): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof Refusal) return fromRefusal(error);
  if (error instanceof StoreUnavailable) {
    const certain = error.outcome === 'nothing-changed';
    return new ApiError('ServiceUnavailable', {
      detail: `${error.message}; ${certain ? 'nothing was changed' : 'the outcome is unknown'}`,
      retryAfterMs: limits.storeRetry,
    });
  }
  options.onFault(error, requestId);
  return new ApiError('InternalError');
}

/** The host that the client called; what cannot be a host name is not repeated. */
function hostOf({ headers }: RawRequest): string {
  const host = headers.host ?? '';
  return /^[\w.:[\]-]{1,255}$/.test(host) ? host : 'localhost';
}
