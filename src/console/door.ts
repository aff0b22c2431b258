import { ended, secretHeader } from './session.ts';

/**
 * The way of every call out of the page: the control plane signs it with the session's temporary
 * key and hands it to the same door as anybody's, so RAM, throttling and audit hold.
 */

export type Product = 'Ens' | 'Cas' | 'Ram' | 'Sts' | 'Actiontrail' | 'Sluice';

/** What is asked. Parameters are typed as the caller means them: numbers, lists, objects. */
export interface Asked {
  readonly product: Product;
  readonly action: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** `x-sluice-…` headers of the call. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly format?: 'JSON' | 'XML';
}

/** An answer as it came, whatever its status. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly milliseconds: number;
}

const detailHeader = 'x-sluice-detail';

/** A refusal of the API, or of the way to it (`code` is then `Unreachable`). */
export class CallFailed extends Error {
  override name = 'CallFailed';
  readonly code: string;
  readonly status: number;
  readonly requestId: string;
  /** The reason beside the documented message; empty when there is none. */
  readonly detail: string;
  /** The page of the error centre about it. */
  readonly recommend: string;
  /** The whole body, such as AccessDeniedDetail. */
  readonly body: Readonly<Record<string, unknown>>;

  constructor(status: number, body: Readonly<Record<string, unknown>>, detail?: string | null) {
    super(String(body.Message ?? 'The answer could not be read.'));
    this.code = String(body.Code ?? 'Unreadable');
    this.status = status;
    this.detail = detail ?? '';
    this.requestId = String(body.RequestId ?? '');
    this.recommend = String(body.Recommend ?? '');
    this.body = body;
  }
}

/**
 * Sends one call and answers what came, errors included.
 * @throws CallFailed Unreachable; the session's end also when it is over
 */
export async function send(asked: Asked, signal?: AbortSignal): Promise<Answer> {
  const begun = performance.now();
  const response = await post(asked, signal);
  const text = await response.text();
  const milliseconds = performance.now() - begun;
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    text,
    milliseconds,
  };
}

/**
 * One call whose answer is read as JSON.
 * @throws CallFailed
 */
export async function call<Body = Record<string, unknown>>(
  product: Product,
  action: string,
  parameters: Readonly<Record<string, unknown>> = {},
  options: { readonly headers?: Readonly<Record<string, string>>; signal?: AbortSignal } = {},
): Promise<{ readonly body: Body; readonly headers: Readonly<Record<string, string>> }> {
  const { headers = {}, signal } = options;
  const answer = await send({ product, action, parameters, headers }, signal);
  const body = parse(answer.text);
  if (answer.status >= 300) throw new CallFailed(answer.status, body, answer.headers[detailHeader]);
  return { body: body as Body, headers: answer.headers };
}

/**
 * The lines of a streamed action, parsed, until the server ends it or `signal` aborts.
 * @throws CallFailed
 */
export async function* follow<Line>(
  product: Product,
  action: string,
  parameters: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): AsyncGenerator<Line> {
  const response = await post({ product, action, parameters }, signal);
  if (!response.ok || response.body === null) {
    const body = parse(await response.text());
    throw new CallFailed(response.status, body, response.headers.get(detailHeader));
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const lines = (rest + part.value).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield JSON.parse(line) as Line;
  }
}

async function post(asked: Asked, signal?: AbortSignal): Promise<Response> {
  const request = {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...secretHeader() },
    body: JSON.stringify(asked),
    ...(signal === undefined ? {} : { signal }),
  };
  let response: Response;
  try {
    response = await fetch('/console/call', request);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new CallFailed(0, {
      Code: 'Unreachable',
      Message: 'The control plane does not answer. It may be restarting; traffic goes on.',
    });
  }
  if (response.status === 401) ended();
  return response;
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return { Code: 'Unreadable', Message: 'The answer is no JSON.' };
  }
}
