import { useSignal } from '@preact/signals';
import { farewell, signIn } from '../session.ts';

/** The form that takes an access key pair, once. */
export function SignIn() {
  const trouble = useSignal('');
  const busy = useSignal(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    busy.value = true;
    trouble.value =
      (await signIn(String(form.get('id')).trim(), String(form.get('secret')).trim())) ?? '';
    busy.value = false;
  };
  return (
    <main class="sign-in">
      <h1>
        <img src="/console/icon.svg" alt="" width="40" height="40" /> Sluice
      </h1>
      {farewell.value && <p role="status">{farewell}</p>}
      <form onSubmit={submit}>
        <label>
          Access key ID
          <input name="id" autocomplete="username" required spellcheck={false} />
        </label>
        <label>
          Access key secret
          <input name="secret" type="password" autocomplete="off" required />
        </label>
        {trouble.value && (
          <p class="trouble" role="alert">
            {trouble}
          </p>
        )}
        <button type="submit" class="main" disabled={busy.value}>
          Sign in
        </button>
      </form>
      <p class="hint">
        The pair is checked once and not kept in the browser. <code>npm start</code> prints a link
        that signs you in on its own machine.
      </p>
    </main>
  );
}
