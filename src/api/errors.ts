import type { Refusal } from '../elb/refusal.ts';
import { identityErrors } from './identity-errors.ts';

/** One row of the error table. `%s` in code and message stands for what the error is about. */
export interface ErrorRow {
  readonly status: number;
  /** The code on the wire, where two rows share one. */
  readonly code?: string;
  readonly message: string;
  /** What `%s` in the message stands for where no error is at hand; absent: a parameter's name. */
  readonly placeholder?: string;
  /** A word that clients look for in the message; it follows the documented text. */
  readonly clientWord?: string;
  /** When it is raised, for the error pages. */
  readonly when: string;
  /** The same call may well succeed a little later. */
  readonly retry?: true;
}

/** What the messages of signatures end with. */
const stringToSign = '<the string that the server signs>';

const loadBalancerNotFound = 'The input parameter %s that is not found.';
const incorrectStatus = 'The current status of the resource does not support this operation.';

/**
 * Every error of the API: code, HTTP status, text. The protocol's rows follow the gateway, those
 * of actions the ENS pages. `Missing%s` and `Invalid%s` of the protocol's own parameters have
 * rows of their own, since the gateway words them differently.
 */
export const errorTable = {
  UnsupportedHTTPMethod: {
    status: 403,
    message: 'This http method is not supported.',
    when: 'the method is neither GET nor POST',
  },
  MissingAction: gatewayMissing('Action'),
  MissingVersion: gatewayMissing('Version'),
  InvalidVersion: {
    status: 400,
    message: 'Specified parameter Version is not valid.',
    when: 'no product has this version',
  },
  'InvalidAction.NotFound': {
    status: 404,
    message: 'Specified api is not found, please check your url and method.',
    when: 'the product and version have no such action; names are case sensitive',
  },
  'InvalidParameter.Format': {
    status: 400,
    message: 'Specified parameter format is not valid.',
    when: 'Format is neither JSON nor XML',
  },
  MissingAccessKeyId: gatewayMissing('AccessKeyId'),
  MissingTimestamp: gatewayMissing('Timestamp'),
  MissingSignatureNonce: gatewayMissing('SignatureNonce'),
  MissingSignature: gatewayMissing('Signature'),
  MissingSignatureMethod: gatewayMissing('SignatureMethod'),
  MissingSignatureVersion: gatewayMissing('SignatureVersion'),
  InvalidSignatureMethod: {
    status: 400,
    message: 'Specified signature method is not valid.',
    when: 'the algorithm is none of HMAC-SHA1, HMAC-SHA256 and ACS3-HMAC-SHA256',
  },
  InvalidSignatureVersion: {
    status: 400,
    message: 'The specified parameter "SignatureVersion" is not valid.',
    when: 'SignatureVersion is not 1.0',
  },
  IncompleteSignature: {
    status: 400,
    message:
      'The request signature does not conform to Aliyun standards. server string to sign is:%s',
    placeholder: stringToSign,
    when: 'the Authorization header is malformed or leaves a mandatory header unsigned',
  },
  'InvalidAccessKeyId.NotFound': {
    status: 404,
    message: 'Specified access key is not found.',
    when: 'there is no such access key',
  },
  'InvalidAccessKeyId.Inactive': {
    status: 400,
    message: 'Specified access key is disabled.',
    when: 'the access key has been made inactive',
  },
  MissingSecurityToken: gatewayMissing('SecurityToken'),
  'InvalidSecurityToken.Malformed': {
    status: 400,
    message: 'Specified SecurityToken is malformed.',
    when: 'the token cannot be read, or came with a long-lived key',
  },
  'InvalidSecurityToken.MismatchWithAccessKey': {
    status: 400,
    message: 'Specified SecurityToken mismatch with the AccessKey.',
    when: 'the token was issued with another access key',
  },
  'InvalidSecurityToken.Expired': {
    status: 400,
    message: 'Specified SecurityToken is expired.',
    when: 'the time of the token is over',
  },
  'InvalidTimeStamp.Format': {
    status: 400,
    message: 'Specified time stamp or date value is not well formatted.',
    when: 'the time is not yyyy-MM-ddTHH:mm:ssZ',
  },
  'InvalidTimeStamp.Expired': {
    status: 400,
    message: 'Specified time stamp or date value is expired.',
    when: "the time differs from the server's by more than 15 minutes",
  },
  SignatureDoesNotMatch: {
    status: 400,
    message: 'Specified signature is not matched with our calculation. server string to sign is:%s',
    placeholder: stringToSign,
    when: 'the signature is not the one that the secret gives',
  },
  SignatureNonceUsed: {
    status: 400,
    message: 'Specified signature nonce was used already.',
    when: 'the access key has used this nonce before',
  },
  ContentMD5NotMatched: {
    status: 400,
    message: 'Specified Content-MD5 is not matched.',
    when: 'x-acs-content-sha256 is not the hash of the body',
  },
  UnsupportedParameter: {
    status: 400,
    message: 'The parameters is unsupported.',
    when: 'a path other than /, or a request that is larger than the bounds',
  },
  Throttling: {
    status: 400,
    message: 'Request was denied due to request throttling.',
    when: 'too many calls without a signature that holds came from the address',
    retry: true,
  },
  'Throttling.User': {
    status: 400,
    message: 'Request was denied due to user flow control.',
    when: "the account's calls a second for the action are spent, or its open streams",
    retry: true,
  },
  'Throttling.Api': {
    status: 400,
    message: 'Request was denied due to api flow control.',
    when: "the action's calls a second are spent",
    retry: true,
  },
  IdempotentParameterMismatch: {
    status: 400,
    message: 'The request is retried with updated parameters.',
    when: 'a ClientToken came back with other parameters',
  },
  OperationConflict: {
    status: 409,
    message: 'Request was denied due to conflict with a previous request.',
    when: 'x-sluice-if-revision does not hold, or too many changes of the resource at once',
    retry: true,
  },
  InternalError: {
    status: 500,
    message: 'The request processing has failed due to some unknown error.',
    when: 'a fault of the server; its log has more under the request id',
    retry: true,
  },
  ServiceUnavailable: {
    status: 503,
    message: 'The request has failed due to a temporary failure of the server.',
    when: 'the store cannot be reached or cannot write',
    retry: true,
  },
  NoPermission: {
    status: 400,
    message: 'Permission denied.',
    when: 'RAM does not allow the call',
  },
  'Forbidden.NoPermission': {
    status: 403,
    code: 'NoPermission',
    message: 'You are not authorized to do this action. You should be authorized by RAM.',
    when: 'RAM does not allow the call (products other than Ens)',
  },
  'Missing%s': {
    status: 400,
    message: 'You must specify the parameter %s.',
    when: 'a required parameter is absent or empty',
  },
  'Invalid%s': {
    status: 400,
    message: 'The specified parameter %s is invalid.',
    when: 'a parameter has a wrong type, form, length or range',
  },
  'InvalidParameter.%s': {
    status: 400,
    message: 'The specified field %s invalid. Please check it again.',
    when: 'a field of a list, or a value that does not fit the resource',
  },
  'ens.interface.error': {
    status: 400,
    message: 'An error occurred while call the API.',
    when: 'the call cannot be carried out; the detail says why',
  },
  LoadBalancerNotFound: {
    status: 400,
    message: loadBalancerNotFound,
    placeholder: 'LoadBalancerId',
    when: 'there is no such load balancer',
  },
  'LoadBalancerNotFound.OfListener': {
    status: 400,
    code: 'LoadBalancerNotFound',
    message: loadBalancerNotFound,
    placeholder: 'loadBalancerId',
    clientWord: 'LoadBalancerNotFound',
    when: 'a listener is read, and there is no such load balancer',
  },
  InstanceNotFound: {
    status: 400,
    message: 'The input parameter instancdId that is not found.',
    when: 'there is no such instance',
  },
  IncorrectInstanceStatus: {
    status: 400,
    message: incorrectStatus,
    when: 'the load balancer or server is in a state that forbids the call',
  },
  ListenerNotFound: {
    status: 400,
    message: 'The input parameter listener that is not found.',
    clientWord: 'ListenerNotFound',
    when: 'there is no listener on the port',
  },
  IncorrectListenerStatus: {
    status: 400,
    message: incorrectStatus,
    when: 'the listener is in a state that forbids the call',
  },
  ListenerAlreadyExists: {
    status: 400,
    message: 'The specified listener already exists.',
    when: 'the port is taken by another listener of the load balancer',
  },
  TooManyListeners: {
    status: 400,
    message: 'The port has listeners of several protocols; specify ListenerProtocol.',
    when: 'ListenerProtocol is absent and the port has a TCP and a UDP listener',
  },
  NotFound: {
    status: 404,
    message: 'The specified certificate is not found.',
    when: 'there is no such certificate',
  },
  CertificateInUse: {
    status: 400,
    message: 'The specified certificate is in use.',
    when: 'a listener uses the certificate',
  },
  InvalidParameterCombination: {
    status: 400,
    message: 'The end time must be later than the start time.',
    when: 'EndTime is not later than StartTime',
  },
  InvalidQueryParameter: {
    status: 400,
    message: 'The specified query parameter is invalid.',
    when: 'a condition of a search is none that it knows',
  },
  InvalidParameterStartTime: {
    status: 400,
    message: 'The specified StartTime is invalid.',
    when: 'StartTime is no time such as 2026-11-24T08:00:00Z',
  },
  InvalidParameterEndTime: {
    status: 400,
    message: 'The specified EndTime is invalid.',
    when: 'EndTime is no time such as 2026-11-24T08:00:00Z',
  },
  'InvalidVSwitchId.NotFound': {
    status: 400,
    message: 'The specified VSwitchId is not found.',
    when: 'there is no such vSwitch',
  },
  'ConsoleSession.Ended': {
    status: 401,
    message: 'The console session does not exist or has ended. Sign in to go on.',
    when: 'no one is signed in, or signed out, was idle for 30 minutes, lost the access key',
  },
  'ConsoleSignIn.Failed': {
    status: 401,
    message: 'The AccessKey pair is incorrect or disabled.',
    when: 'the console was given an access key that does not exist, is inactive, or another secret',
  },
  'ConsoleRequest.Refused': {
    status: 403,
    message: 'The request does not come from a page of this console.',
    when: 'the page of another origin sent it, or its Host is not configured (--host-names)',
  },
  ...identityErrors,
} as const satisfies Readonly<Record<string, ErrorRow>>;

function gatewayMissing(name: string): ErrorRow {
  return {
    status: 400,
    message: `${name} is mandatory for this action.`,
    when: `the request has no ${name}`,
  };
}

export type ErrorCode = keyof typeof errorTable;

/** An error on its way to the caller. */
export class ApiError extends Error {
  /** As on the wire: `MissingLoadBalancerId`. */
  readonly code: string;
  /** HTTP status. */
  readonly status: number;
  /** What was expected, for the header x-sluice-detail; never part of the documented text. */
  readonly detail: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly accessDenied: Readonly<Record<string, string>> | undefined;
  /** Of a denial, what decided it: for the audit log, never for the caller. */
  readonly decidedBy: string | undefined;

  constructor(row: ErrorCode, about: ErrorAbout = {}) {
    const { status, code = row }: ErrorRow = errorTable[row];
    super(printed(row, about.subject ?? ''));
    this.name = 'ApiError';
    this.code = code.replace('%s', () => about.subject ?? '');
    this.status = about.status ?? status;
    this.detail = about.detail;
    this.retryAfterMs = about.retryAfterMs;
    this.accessDenied = about.accessDenied;
    this.decidedBy = about.decidedBy;
  }
}

export interface ErrorAbout {
  /** What `%s` stands for. */
  readonly subject?: string;
  readonly detail?: string;
  readonly status?: number;
  readonly retryAfterMs?: number;
  readonly accessDenied?: Readonly<Record<string, string>>;
  readonly decidedBy?: string;
}

/** The message of a row as the wire has it, about `subject`. */
export function printed(row: ErrorCode, subject?: string): string {
  const { message, placeholder = '<parameter>', clientWord }: ErrorRow = errorTable[row];
  const text = message.replace('%s', () => subject ?? placeholder);
  return clientWord === undefined ? text : `${text} ${clientWord}`;
}

/** Whether the table has a row of this name. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code);
}

/**
 * The wire form of a rule's refusal: the documented text, and its detail for x-sluice-detail.
 * @returns undefined for a code that the table lacks, which is a programmer's mistake
 */
export function fromRefusal(
  { code, subject, detail, httpStatus }: Refusal,
  loadBalancerIdSpelling = 'LoadBalancerId',
): ApiError | undefined {
  if (!isErrorCode(code)) return undefined;
  const named = code.startsWith('LoadBalancerNotFound') ? loadBalancerIdSpelling : subject;
  return new ApiError(code, {
    ...(named === undefined ? {} : { subject: named }),
    ...(detail === undefined ? {} : { detail }),
    ...(httpStatus === undefined ? {} : { status: httpStatus }),
  });
}
