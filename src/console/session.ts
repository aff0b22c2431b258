import { signal } from '@preact/signals';

/** Who is signed in, as the control plane answers it. */
export interface Session {
  readonly account: string;
  /** `root`, `user` or `role`. */
  readonly kind: string;
  readonly name: string;
  readonly arn: string;
  /** Unix milliseconds: the session ends then whatever is done. */
  readonly expiresAt: number;
}

/** Undefined until it is known; null = nobody. */
export const session = signal<Session | null | undefined>(undefined);

/** Why the page asks to sign in again, for the sign-in form to say. */
export const farewell = signal(
  new URLSearchParams(location.search).get('link') === 'over'
    ? 'This link was used before, is too old, or was made for another machine. Sign in with an ' +
        'access key, or make another link with sluice console.'
    : '',
);

/**
 * Where this tab keeps the secret that every request needs besides the cookie. Unlike the cookie
 * it belongs to one origin, port included, and it ends with the tab.
 */
const secretKey = 'sluice-session';

/** Tabs share a cookie, so those that are open share its secret when one of them signs in. */
const tabs = new BroadcastChannel('sluice-session');
tabs.onmessage = ({ data }: MessageEvent<string>) => {
  keepSecret(data);
  void resume();
};

/** Takes over the secret that a sign-in link has put into the page, once. */
function takeSecretOfLink(): void {
  const meta = document.querySelector<HTMLMetaElement>('meta[name="sluice-session"]');
  if (meta === null) return;
  keepSecret(meta.content);
  tabs.postMessage(meta.content);
  meta.remove();
  history.replaceState(null, '', '/console/');
}

function keepSecret(secret: string): void {
  if (secret === '') sessionStorage.removeItem(secretKey);
  else sessionStorage.setItem(secretKey, secret);
}

/** The header that proves that this page has signed in. */
export function secretHeader(): Readonly<Record<'x-sluice-csrf', string>> {
  return { 'x-sluice-csrf': sessionStorage.getItem(secretKey) ?? '' };
}

/** The control plane knows the session no more. */
export function ended(): void {
  if (session.value) farewell.value = 'Your session has ended. Sign in to go on where you were.';
  keepSecret('');
  session.value = null;
}

/** Asks who is signed in, unless this tab has no secret. */
export async function resume(): Promise<void> {
  takeSecretOfLink();
  if (secretHeader()['x-sluice-csrf'] === '') return ended();
  try {
    const response = await fetch('/console/session', { headers: secretHeader() });
    if (response.ok) session.value = (await response.json()) as Session;
    else ended();
  } catch {
    session.value = null;
    farewell.value = 'The control plane does not answer. Try again when it is up.';
  }
}

/**
 * Signs in with an access key pair, which is checked once and kept nowhere.
 * @returns why not, or undefined when it worked
 */
export async function signIn(
  AccessKeyId: string,
  AccessKeySecret: string,
): Promise<string | undefined> {
  const response = await fetch('/console/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ AccessKeyId, AccessKeySecret }),
  }).catch(() => undefined);
  if (response === undefined) return 'The control plane does not answer.';
  const body = (await response.json()) as Session & { csrf: string; Message?: string };
  if (!response.ok) return body.Message ?? 'Signing in failed.';
  const { csrf, ...signedIn } = body;
  keepSecret(csrf);
  farewell.value = '';
  session.value = signedIn;
  tabs.postMessage(csrf);
  return undefined;
}

export async function signOut(): Promise<void> {
  await fetch('/console/session', {
    method: 'DELETE',
    headers: secretHeader(),
  }).catch(() => undefined);
  farewell.value = 'You have signed out.';
  keepSecret('');
  session.value = null;
  tabs.postMessage('');
}
