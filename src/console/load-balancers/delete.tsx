import { CallDialog } from '../ui/call-dialog.tsx';
import { deleteLoadBalancer } from './asked.ts';

interface Props {
  readonly id: string;
  readonly name: string;
  readonly close: () => void;
  readonly done: () => void;
}

/** Asks again, and deletes a load balancer of the list. */
export function DeleteLoadBalancer({ id, name, close, done }: Props) {
  return (
    <CallDialog
      title={`Delete ${name}?`}
      submit="Delete"
      danger
      asked={deleteLoadBalancer(id)}
      close={close}
      done={done}
    >
      <p>
        It stops forwarding at once: its connections are cut, and its address becomes free for
        others. This cannot be undone.
      </p>
    </CallDialog>
  );
}
