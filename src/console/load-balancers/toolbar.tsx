import { limits } from '../../limits.ts';
import type { WatchedServer } from '../../sdk/live.ts';
import { countText } from './figures.ts';
import type { Opened } from './servers.tsx';

interface Props {
  readonly chosen: readonly WatchedServer[];
  readonly open: (dialog: Opened['dialog'], servers: readonly WatchedServer[]) => void;
}

/** What is done with several servers in one call, and with none yet. */
export function Toolbar({ chosen, open }: Props) {
  const isNone = chosen.length === 0;
  const isTooMany = chosen.length > limits.batch;
  return (
    <div class="row">
      <span class="hint" role="status">
        {isTooMany
          ? `One call takes ${limits.batch} servers; ${countText(chosen.length)} are chosen.`
          : !isNone && `${countText(chosen.length)} chosen`}
      </span>
      <button type="button" disabled={isNone || isTooMany} onClick={() => open('weigh', chosen)}>
        Set weight…
      </button>
      <button
        type="button"
        class="danger"
        disabled={isNone || isTooMany}
        onClick={() => open('remove', chosen)}
      >
        Remove…
      </button>
      <button type="button" class="main" onClick={() => open('add', [])}>
        Add servers…
      </button>
    </div>
  );
}
