import { CallFailed } from '../door.ts';

/** Says what happened, by which code, and where more about it stands. Nothing when all is well. */
export function Trouble({ error }: { readonly error: unknown }) {
  if (error === undefined) return null;
  if (!(error instanceof CallFailed)) {
    return (
      <p class="trouble" role="alert">
        {error instanceof Error ? error.message : String(error)}
      </p>
    );
  }
  const { code, message, detail, recommend, requestId, body } = error;
  const { AuthAction, NoPermissionType } = (body.AccessDeniedDetail ?? {}) as {
    readonly AuthAction?: string;
    readonly NoPermissionType?: string;
  };
  return (
    <div class="trouble" role="alert">
      <p>
        <strong>{code}</strong> {message} {detail}
      </p>
      {AuthAction && (
        <p>
          Whoever manages access can allow you <code>{AuthAction}</code>:{' '}
          {NoPermissionType === 'ExplicitDeny' ? 'a policy denies it' : 'no policy allows it'} now.
        </p>
      )}
      <p>
        {recommend && (
          <a href={recommend} target="_blank" rel="noreferrer">
            What it means and what to do
          </a>
        )}{' '}
        {requestId && <small>Request {requestId}</small>}
      </p>
    </div>
  );
}
