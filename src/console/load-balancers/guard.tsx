import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import type { LoadBalancerState } from '../../sdk/live.ts';
import { type Asked, CallFailed } from '../door.ts';
import { Trouble } from '../ui/trouble.tsx';
import { ifRevision } from './asked.ts';
import { differences } from './differences.ts';

interface Guard {
  /** The call, which is made only if the load balancer is still as the person has seen it. */
  readonly asked: Asked;
  /** Says what has changed meanwhile, and lets the person go on knowing it. */
  explain(error: unknown, retry: (asked: Asked) => void): ComponentChildren;
}

/**
 * Keeps a write from undoing what somebody else has done since the person began with it: it goes
 * with the revision that they saw then.
 * @param now the load balancer as it is
 * @param isSame whether a change since is none to this write, so that it may go unseen
 */
export function useGuard(
  asked: Asked,
  now: LoadBalancerState,
  isSame: (before: LoadBalancerState, now: LoadBalancerState) => boolean = () => false,
): Guard {
  const seen = useSignal(now);
  useEffect(() => {
    if (isSame(seen.value, now)) seen.value = now;
  }, [now]);
  return {
    asked: ifRevision(asked, seen.value.Revision),
    explain: (error, retry) => {
      if (!isConflict(error)) return <Trouble error={error} />;
      const again = () => {
        seen.value = now;
        retry(ifRevision(asked, now.Revision));
      };
      return <Conflict before={seen.value} now={now} again={again} />;
    },
  };
}

function isConflict(error: unknown): boolean {
  return error instanceof CallFailed && error.code === 'OperationConflict';
}

interface ConflictProps {
  /** What the person had seen. */
  readonly before: LoadBalancerState;
  readonly now: LoadBalancerState;
  readonly again: () => void;
}

/** What happened while the person was at it. */
function Conflict({ before, now, again }: ConflictProps) {
  // The refusal may be here before the news of what has changed.
  const isKnown = now.Revision !== before.Revision;
  const changes = differences(before, now);
  return (
    <div class="trouble" role="alert">
      <p>
        <strong>This load balancer was changed meanwhile</strong>, so nothing was done.
      </p>
      <ul>
        {changes.map((change) => (
          <li key={change}>{change}</li>
        ))}
        {isKnown && changes.length === 0 && <li>What changed is not shown on this page.</li>}
      </ul>
      <button type="button" disabled={!isKnown} onClick={again}>
        Do it all the same
      </button>
    </div>
  );
}
