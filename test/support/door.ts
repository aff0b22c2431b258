import { randomUUID } from 'node:crypto';
import type { AccessKey } from '../../src/api/access-keys.ts';
import { type Action, versions } from '../../src/api/actions/action.ts';
import type { Credentials } from '../../src/api/authenticate.ts';
import type { AnswerHeaders, Call } from '../../src/api/call.ts';
import type { CallInit } from '../../src/api/calls.ts';
import { createDiagnoses } from '../../src/api/diagnoses.ts';
import { createDispatch, type Dispatch } from '../../src/api/dispatch.ts';
import type { Identities } from '../../src/api/identities.ts';
import { Nonces } from '../../src/api/nonces.ts';
import type { RawRequest } from '../../src/api/request.ts';
import type { Session } from '../../src/api/sessions.ts';
import { Throttle, type ThrottleSetting } from '../../src/api/throttle.ts';
import type { EndedCall } from '../../src/api/trail/ended-calls.ts';
import { authorise } from '../../src/ram/authorise.ts';
import { createSeal } from '../../src/sealing.ts';
import {
  canonicalQuery,
  canonicalRequestV3,
  isoSeconds,
  sha256Hex,
  signV1,
  signV3,
  stringToSignV1,
  stringToSignV3,
  v3Algorithm,
} from '../../src/signing.ts';

export const doorKey: AccessKey = {
  v: 1,
  id: 'LTAI5tTestDoorKey0000001',
  secret: 'TestDoorSecret0123456789abcdef',
  account: '1000000000000001',
  principal: { kind: 'root' },
  status: 'Active',
  createTime: '2026-11-24T00:00:00Z',
};

/** What opens the diagnostic messages of any of these doors. */
export const doorDiagnoses = createDiagnoses(createSeal(Buffer.alloc(32)));

export interface DoorOptions {
  readonly actions: readonly Action[];
  /** Unix milliseconds; the system's clock unless given. */
  readonly now?: () => number;
  readonly throttle?: ThrottleSetting;
  readonly accessKeys?: readonly AccessKey[] | Credentials['accessKeys'];
  readonly identities?: Pick<Identities, 'userName' | 'policiesOf'>;
  readonly openToken?: (token: string) => Session | undefined;
  readonly signedIn?: Credentials['signedIn'];
  readonly seal?: Call['seal'];
}

export interface Door {
  readonly dispatch: Dispatch;
  /** What dispatch told of, newest last. */
  readonly faults: unknown[];
  readonly answers: { action: string; code: string }[];
  readonly calls: CallInit[];
  /** Calls of proven callers, as the audit log is told of them. */
  readonly ended: EndedCall[];
}

/** The door in front of a test's own actions, without a store: calls know who asks, no more. */
export function openDoor({ actions, now = Date.now, ...options }: DoorOptions): Door {
  const { throttle = 'off', accessKeys = [doorKey] } = options;
  const faults: unknown[] = [];
  const answers: { action: string; code: string }[] = [];
  const calls: CallInit[] = [];
  const ended: EndedCall[] = [];
  const dispatch = createDispatch({
    catalogue: new Map(
      actions.map((action) => [`${versions[action.product]} ${action.name}`, action]),
    ),
    identities: options.identities ?? { userName: () => undefined, policiesOf: () => [] },
    openToken: options.openToken ?? (() => undefined),
    signedIn: options.signedIn ?? (async () => undefined),
    onKeyUsed: () => {},
    accessKeys:
      'length' in accessKeys
        ? { find: async (id) => accessKeys.find((key) => key.id === id) }
        : accessKeys,
    nonces: new Nonces(now),
    throttle: new Throttle(throttle, now),
    holdBack: async () => {},
    authorise,
    sites: { placed: async (resource) => resource.replace('acs:ens:*:', 'acs:ens:hz:') },
    diagnoses: doorDiagnoses,
    createCall: (init) => {
      calls.push(init);
      const answer: AnswerHeaders = {};
      const { seal = (secret: string) => secret } = options;
      return { ...init, action: init.action.name, answer, now, seal } as unknown as Call;
    },
    now,
    onFault: (error) => faults.push(error),
    onAnswer: ({ action, code }) => answers.push({ action, code }),
    onCall: (call) => ended.push(call),
  });
  return { dispatch, faults, answers, calls, ended };
}

type Parameters = Readonly<Record<string, string>>;

export interface SignOptions {
  readonly key?: Pick<AccessKey, 'id' | 'secret'>;
  readonly method?: 'GET' | 'POST';
  /** Unix milliseconds. */
  readonly time?: number;
  readonly nonce?: string;
  readonly headers?: Parameters;
}

const common = { sourceIp: '127.0.0.1', secure: false, body: Buffer.alloc(0) };

/** A V1 call of a product's action, all in the query. */
export function v1Request(
  action: string,
  parameters: Parameters,
  { key = doorKey, method = 'POST', time = Date.now(), nonce, headers }: SignOptions = {},
): RawRequest {
  const all = Object.entries({
    Action: action,
    Version: versions.Ens,
    AccessKeyId: key.id,
    SignatureMethod: 'HMAC-SHA1',
    SignatureVersion: '1.0',
    SignatureNonce: nonce ?? randomUUID(),
    Timestamp: isoSeconds(time),
    ...parameters,
  });
  const signature = signV1(key.secret, stringToSignV1(method, all));
  const url = `/?${canonicalQuery([...all, ['Signature', signature]])}`;
  return { ...common, method, url, headers: { host: '127.0.0.1:8080', ...headers } };
}

export interface V3Options extends SignOptions {
  readonly version?: string;
  readonly body?: string;
}

/** A V3 call of an action, parameters in the query; every header is signed. */
export function v3Request(
  action: string,
  parameters: Parameters,
  { key = doorKey, method = 'POST', time = Date.now(), ...options }: V3Options = {},
): RawRequest {
  const { nonce = randomUUID(), version = versions.Ens, body = '', headers } = options;
  const payloadHash = sha256Hex(body);
  const signed: Record<string, string> = {
    host: '127.0.0.1:8080',
    'x-acs-action': action,
    'x-acs-version': version,
    'x-acs-date': isoSeconds(time),
    'x-acs-signature-nonce': nonce,
    'x-acs-content-sha256': payloadHash,
    ...headers,
  };
  const query = Object.entries(parameters);
  const canonical = canonicalRequestV3({
    method,
    query,
    headers: Object.entries(signed),
    payloadHash,
  });
  const signature = signV3(key.secret, stringToSignV3(canonical));
  const names = Object.keys(signed).sort().join(';');
  const credential = `Credential=${key.id},SignedHeaders=${names},Signature=${signature}`;
  return {
    ...common,
    method,
    url: query.length === 0 ? '/' : `/?${canonicalQuery(query)}`,
    headers: { ...signed, authorization: `${v3Algorithm} ${credential}` },
    body: Buffer.from(body),
  };
}
