import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { LoadBalancerState, WatchedServer } from '../../sdk/live.ts';
import { useAttempt } from '../ui/attempt.ts';
import { ShowCall } from '../ui/show-call.tsx';
import { setWeights } from './asked.ts';
import { useGuard } from './guard.tsx';
import { weightOf } from './server-rows.ts';

interface Props {
  readonly state: LoadBalancerState;
  readonly server: WatchedServer;
}

/**
 * The weight, changed where it stands. What is being typed stays, whatever is pushed meanwhile;
 * it is set only if nobody has changed the weight since typing began.
 */
export function WeightCell({ state, server }: Props) {
  const typing = useSignal(false);
  const shown = useRef<HTMLButtonElement>(null);
  const wasTyping = useRef(false);
  useEffect(() => {
    // The field that had the focus is gone: it goes back to where it came from.
    if (wasTyping.current && !typing.value) shown.current?.focus();
    wasTyping.current = typing.value;
  }, [typing.value]);
  if (typing.value) {
    return (
      <Editor
        state={state}
        server={server}
        close={() => {
          typing.value = false;
        }}
      />
    );
  }
  return (
    <button
      ref={shown}
      type="button"
      class="quiet weight"
      aria-label={`Weight of ${server.ServerId}: ${server.Weight}. Change`}
      onClick={() => {
        typing.value = true;
      }}
    >
      {server.Weight}
    </button>
  );
}

function Editor({ state, server, close }: Props & { readonly close: () => void }) {
  const weight = useSignal(String(server.Weight));
  const began = useRef(server.Weight);
  const input = useRef<HTMLInputElement>(null);
  const { busy, trouble, run } = useAttempt();
  const { LoadBalancerId } = state.LoadBalancer;
  const call = setWeights(LoadBalancerId, [{ ...server, Weight: Number(weight.value) }]);
  const { asked, explain } = useGuard(
    call,
    state,
    (before, now) => weightOf(before, server) === weightOf(now, server),
  );
  useEffect(() => input.current?.select(), []);
  const make = async (wanted = asked) => {
    if ((await run(wanted)) !== undefined) close();
  };
  return (
    <form
      class="stack tight weigh"
      onSubmit={(event) => {
        event.preventDefault();
        void make();
      }}
      onKeyDown={({ key, target }) => {
        // One that closes the dialog with the code is meant for that.
        if (key === 'Escape' && (target as Element).closest('dialog') === null) close();
      }}
    >
      <span class="row">
        <input
          ref={input}
          type="number"
          min={0}
          max={100}
          required
          aria-label={`Weight of ${server.ServerId}`}
          value={weight.value}
          onInput={({ currentTarget }) => {
            weight.value = currentTarget.value;
          }}
        />
        <button type="submit" class="main" disabled={busy.value}>
          Set
        </button>
        <button type="button" class="quiet" onClick={close}>
          Cancel
        </button>
        <ShowCall asked={asked} />
      </span>
      {server.Weight !== began.current && trouble.value === undefined && (
        <small role="status">It was changed to {server.Weight} meanwhile.</small>
      )}
      {trouble.value !== undefined && explain(trouble.value, make)}
    </form>
  );
}
