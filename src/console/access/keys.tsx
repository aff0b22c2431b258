import { useSignal } from '@preact/signals';
import { limits } from '../../limits.ts';
import { call } from '../door.ts';
import { Copy } from '../ui/copy.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { useLoaded } from '../ui/loaded.ts';
import { useStep } from '../ui/step.tsx';
import { Table } from '../ui/table.tsx';
import { timeText } from '../ui/time.ts';
import { Trouble } from '../ui/trouble.tsx';
import { itemsIn, ram } from './ram.ts';

interface Key {
  readonly AccessKeyId: string;
  readonly Status: 'Active' | 'Inactive';
  readonly CreateDate: string;
  readonly lastUsed: string;
}

interface Made {
  readonly AccessKeyId: string;
  readonly AccessKeySecret: string;
}

/** The access keys of a user: two at a time, so that they can rotate. */
export function AccessKeys({ user }: { readonly user: string }) {
  const changes = useSignal(0);
  const made = useSignal<Made | undefined>(undefined);
  const keys = useLoaded(() => keysOf(user), [user, changes.value]);
  const step = useStep(() => {
    changes.value += 1;
  });
  const all = keys.value.value;
  const isFull = (all?.length ?? 0) >= limits.accessKeysPerUser;
  const create = () =>
    step.take({
      title: `Create an access key of ${user}`,
      submit: 'Create',
      text: 'Its secret is shown once, right after this.',
      asked: () => ram('CreateAccessKey', { UserName: user }),
      done: (body) => {
        made.value = body.AccessKey as Made;
      },
    });
  return (
    <section>
      <div class="row spread">
        <h2>Access keys</h2>
        <button type="button" disabled={all === undefined || isFull} onClick={create}>
          Create access key
        </button>
      </div>
      <Trouble error={keys.trouble.value} />
      {all && (
        <p class="hint">
          {all.length} of {limits.accessKeysPerUser} at most
          {isFull ? ': delete one that rests to make another.' : '.'}
        </p>
      )}
      {all?.length === 0 && (
        <p class="card empty">No access key yet: the user cannot call anything.</p>
      )}
      {all !== undefined && all.length > 0 && (
        <Table titles={['Access key ID', 'Status', 'Created', 'Last used']} hasActions>
          {all.map((key) => (
            <Row key={key.AccessKeyId} of={key} user={user} take={step.take} />
          ))}
        </Table>
      )}
      {step.dialog}
      {made.value && (
        <Secret
          made={made.value}
          close={() => {
            made.value = undefined;
          }}
        />
      )}
    </section>
  );
}

interface RowProps {
  readonly of: Key;
  readonly user: string;
  readonly take: ReturnType<typeof useStep>['take'];
}

function Row({ of: { AccessKeyId, Status, CreateDate, lastUsed }, user, take }: RowProps) {
  const known = { UserName: user, UserAccessKeyId: AccessKeyId };
  const isActive = Status === 'Active';
  const toggle = () =>
    take({
      title: isActive ? `Deactivate ${AccessKeyId}?` : `Activate ${AccessKeyId}?`,
      submit: isActive ? 'Deactivate' : 'Activate',
      danger: isActive,
      text: isActive
        ? 'Calls with this key are refused from the answer on. It can be activated again.'
        : 'Calls with this key count again.',
      asked: () => ram('UpdateAccessKey', { ...known, Status: isActive ? 'Inactive' : 'Active' }),
    });
  const remove = () =>
    take({
      title: `Delete ${AccessKeyId}?`,
      submit: 'Delete',
      danger: true,
      text: 'Calls with this key are refused from the answer on. This cannot be undone.',
      asked: () => ram('DeleteAccessKey', known),
    });
  return (
    <tr>
      <td class="mono">{AccessKeyId}</td>
      <td>
        <span class={isActive ? 'badge good' : 'badge'}>{Status}</span>
      </td>
      <td>{timeText(CreateDate)}</td>
      <td>{lastUsed === '' ? 'Never' : `${timeText(lastUsed)} (to the hour)`}</td>
      <td>
        <span class="row">
          <button type="button" class="quiet" onClick={toggle}>
            {isActive ? 'Deactivate' : 'Activate'}
          </button>
          <button type="button" class="quiet" aria-label={`Delete ${AccessKeyId}`} onClick={remove}>
            Delete
          </button>
        </span>
      </td>
    </tr>
  );
}

/** The one time that a secret is shown. */
function Secret({ made, close }: { readonly made: Made; readonly close: () => void }) {
  const { AccessKeyId, AccessKeySecret } = made;
  return (
    <Dialog title="The new access key" close={close}>
      <p>The secret is shown this once. Keep it where secrets are kept, then close this.</p>
      <dl class="facts">
        <dt>ID</dt>
        <dd class="row">
          <code class="secret">{AccessKeyId}</code>
          <Copy text={AccessKeyId} what="the ID" />
        </dd>
        <dt>Secret</dt>
        <dd class="row">
          <code class="secret">{AccessKeySecret}</code>
          <Copy text={AccessKeySecret} what="the secret" />
        </dd>
      </dl>
      <div class="row end">
        <button type="button" class="main" onClick={close}>
          I have kept it
        </button>
      </div>
    </Dialog>
  );
}

async function keysOf(UserName: string): Promise<readonly Key[]> {
  const { body } = await call('Ram', 'ListAccessKeys', { UserName });
  const keys = itemsIn<Omit<Key, 'lastUsed'>>(body, 'AccessKey');
  return Promise.all(keys.map(async (key) => ({ ...key, lastUsed: await lastUse(key, UserName) })));
}

async function lastUse({ AccessKeyId }: Pick<Key, 'AccessKeyId'>, UserName: string) {
  const { body } = await call<{ AccessKeyLastUsed: { LastUsedDate: string } }>(
    'Ram',
    'GetAccessKeyLastUsed',
    { UserName, UserAccessKeyId: AccessKeyId },
  );
  return body.AccessKeyLastUsed.LastUsedDate;
}
