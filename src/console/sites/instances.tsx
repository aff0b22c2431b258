import { type Signal, useSignal } from '@preact/signals';
import { call } from '../door.ts';
import { CallDialog } from '../ui/call-dialog.tsx';
import { useLoaded } from '../ui/loaded.ts';
import { Trouble } from '../ui/trouble.tsx';
import { deregisterInstance } from './asked.ts';
import { RegisterInstance } from './register.tsx';

interface Instance {
  readonly InstanceId: string;
  readonly InstanceName: string;
  readonly Status: string;
  readonly InnerIpAddress: { readonly IpAddress: readonly string[] };
}

interface Answer {
  readonly Instances: { readonly Instance: readonly Instance[] };
  readonly TotalCount: number;
}

const pageSize = 50;

/** The machines of a site, looked up when it is opened. */
export function Instances({ site }: { readonly site: string }) {
  const opened = useSignal(false);
  return (
    <details
      onToggle={({ currentTarget }) => {
        opened.value = currentTarget.open;
      }}
    >
      <summary>Instances</summary>
      {opened.value && <Listed site={site} />}
    </details>
  );
}

function Listed({ site }: { readonly site: string }) {
  const page = useSignal(1);
  const changes = useSignal(0);
  const registering = useSignal(false);
  const leaving = useSignal<string | undefined>(undefined);
  const answer = useLoaded(async () => {
    const parameters = { EnsRegionId: site, PageNumber: page.value, PageSize: pageSize };
    return (await call<Answer>('Ens', 'DescribeInstances', parameters)).body;
  }, [site, page.value, changes.value]);
  const close = () => {
    registering.value = false;
    leaving.value = undefined;
  };
  const done = () => {
    close();
    changes.value += 1;
  };
  const found = answer.value.value;
  return (
    <div class="stack">
      <Trouble error={answer.trouble.value} />
      {found && <Table instances={found.Instances.Instance} leaving={leaving} />}
      <div class="row">
        <button
          type="button"
          onClick={() => {
            registering.value = true;
          }}
        >
          Register instance
        </button>
        {found && found.TotalCount > pageSize && <Pager page={page} total={found.TotalCount} />}
      </div>
      {registering.value && <RegisterInstance site={site} close={close} done={done} />}
      {leaving.value && (
        <CallDialog
          title={`Deregister ${leaving.value}?`}
          submit="Deregister"
          danger
          asked={deregisterInstance(leaving.value)}
          close={close}
          done={done}
        >
          <p>
            It can be added to no load balancer any more. The machine itself is not touched; one
            that is attached still has to be removed first.
          </p>
        </CallDialog>
      )}
    </div>
  );
}

interface TableProps {
  readonly instances: readonly Instance[];
  readonly leaving: Signal<string | undefined>;
}

function Table({ instances, leaving }: TableProps) {
  if (instances.length === 0) {
    return (
      <p class="hint">
        No machine is registered here. Register one to have a server to balance to.
      </p>
    );
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must take the keyboard.
    <section class="scroll" tabIndex={0} aria-label="Instances">
      <table>
        <thead>
          <tr>
            <th scope="col">Instance</th>
            <th scope="col">Status</th>
            <th scope="col">Address</th>
            <th scope="col">
              <span class="unseen">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {instances.map(({ InstanceId, InstanceName, Status, InnerIpAddress }) => (
            <tr key={InstanceId}>
              <td>
                {InstanceName}
                {InstanceName !== InstanceId && <small class="mono below">{InstanceId}</small>}
              </td>
              <td>
                <span class={Status === 'Running' ? 'badge good' : 'badge'}>{Status}</span>
              </td>
              <td class="mono">{InnerIpAddress.IpAddress.join(', ')}</td>
              <td>
                <button
                  type="button"
                  class="quiet"
                  aria-label={`Deregister ${InstanceName}`}
                  onClick={() => {
                    leaving.value = InstanceId;
                  }}
                >
                  Deregister
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Pager({ page, total }: { readonly page: Signal<number>; readonly total: number }) {
  const last = Math.ceil(total / pageSize);
  const turn = (by: number) => {
    page.value += by;
  };
  return (
    <>
      <button type="button" disabled={page.value === 1} onClick={() => turn(-1)}>
        Previous
      </button>
      <span>
        Page {page.value} of {last}
      </span>
      <button type="button" disabled={page.value >= last} onClick={() => turn(1)}>
        Next
      </button>
    </>
  );
}
