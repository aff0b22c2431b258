import type { Answer } from '../door.ts';

/** Why RAM denied a call: AccessDeniedDetail, as the API words it. */
export interface Denial {
  readonly AuthAction?: string;
  readonly AuthPrincipalType?: string;
  readonly AuthPrincipalDisplayName?: string;
  readonly AuthPrincipalOwnerId?: string;
  readonly PolicyType?: string;
  readonly NoPermissionType?: string;
  readonly EncodedDiagnosticMessage?: string;
}

/** What an answer says about itself, in JSON as in XML. */
export interface Facts {
  readonly requestId?: string;
  /** Of an error. */
  readonly code?: string;
  readonly message?: string;
  /** The page of the error centre. */
  readonly recommend?: string;
  readonly denial?: Denial;
}

export function factsOf({ text, status, headers }: Answer): Facts {
  const body = /^\s*</.test(text) ? readXml(text) : readJson(text);
  const requestId = asText(body.RequestId) ?? headers['x-acs-request-id'];
  const told = requestId === undefined ? {} : { requestId };
  if (status < 300) return told;
  const { AccessDeniedDetail: denial } = body;
  return {
    ...told,
    code: asText(body.Code) ?? String(status),
    message: asText(body.Message) ?? 'The answer does not say why.',
    ...(asText(body.Recommend) ? { recommend: String(body.Recommend) } : {}),
    ...(typeof denial === 'object' && denial !== null ? { denial } : {}),
  };
}

type Body = Readonly<Record<string, unknown>>;

function readJson(text: string): Body {
  try {
    const body = JSON.parse(text);
    return typeof body === 'object' && body !== null ? body : {};
  } catch {
    // It is shown as it came; there is nothing to read from it.
    return {};
  }
}

function readXml(text: string): Body {
  const { documentElement } = new DOMParser().parseFromString(text, 'text/xml');
  return membersOf(documentElement);
}

function membersOf(element: Element): Body {
  return Object.fromEntries(
    [...element.children].map((child) => [
      child.tagName,
      child.children.length > 0 ? membersOf(child) : child.textContent,
    ]),
  );
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
