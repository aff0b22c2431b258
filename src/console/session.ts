import { signal } from '@preact/signals';

/** Who is signed in, as the control plane tells it. The page holds no secret. */
export interface Session {
  readonly account: string;
  /** `root`, `user` or `role`. */
  readonly kind: string;
  readonly name: string;
  readonly arn: string;
  /** Goes with every call: what a foreign page cannot know. */
  readonly csrf: string;
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

/** Tabs share a cookie: each asks again who is signed in when another has changed that. */
const tabs = new BroadcastChannel('sluice-session');
tabs.onmessage = () => void resume();

export function csrfToken(): string {
  return session.value?.csrf ?? '';
}

/** The control plane knows the session no more. */
export function ended(): void {
  if (session.value) farewell.value = 'Your session has ended. Sign in to go on where you were.';
  session.value = null;
}

/** Asks who is signed in. */
export async function resume(): Promise<void> {
  try {
    const response = await fetch('/console/session');
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
  const body = (await response.json()) as Session & { readonly Message?: string };
  if (!response.ok) return body.Message ?? 'Signing in failed.';
  farewell.value = '';
  session.value = body;
  tabs.postMessage('signed in');
  return undefined;
}

export async function signOut(): Promise<void> {
  await fetch('/console/session', {
    method: 'DELETE',
    headers: { 'x-sluice-csrf': csrfToken() },
  }).catch(() => undefined);
  farewell.value = 'You have signed out.';
  session.value = null;
  tabs.postMessage('signed out');
}
