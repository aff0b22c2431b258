import { useAttempt } from '../ui/attempt.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Trouble } from '../ui/trouble.tsx';
import { deleteLoadBalancer, ifRevision } from './asked.ts';

interface Props {
  readonly id: string;
  readonly name: string;
  /** What the person has seen of it; undefined = nothing but its row. */
  readonly revision?: number;
  readonly close: () => void;
  readonly done: () => void;
}

/** Asks again, and deletes. */
export function DeleteLoadBalancer({ id, name, revision, close, done }: Props) {
  const attempt = useAttempt();
  const call = deleteLoadBalancer(id);
  const asked = revision === undefined ? call : ifRevision(call, revision);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if ((await attempt.run(asked)) !== undefined) done();
  };
  return (
    <Dialog title={`Delete ${name}?`} close={close}>
      <form class="stack" onSubmit={submit}>
        <p>
          {name === id ? 'It' : `${name} (${id})`} stops forwarding at once: its connections are cut
          and its address becomes free for others. This cannot be undone.
        </p>
        <Trouble error={attempt.trouble.value} />
        <div class="row end">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="danger" disabled={attempt.busy.value}>
            Delete
          </button>
        </div>
      </form>
    </Dialog>
  );
}
