import { useSignal } from '@preact/signals';
import { useLocation } from 'preact-iso';
import { limits } from '../../limits.ts';
import { session } from '../session.ts';
import { Field } from '../ui/field.tsx';
import { useLoaded } from '../ui/loaded.ts';
import { type Step, useStep } from '../ui/step.tsx';
import { Table } from '../ui/table.tsx';
import { timeText } from '../ui/time.ts';
import { Trouble } from '../ui/trouble.tsx';
import { addressOf, listAll, policyAddress, ram } from './ram.ts';

type Item = Readonly<Record<string, string | number>>;

interface Listing {
  readonly title: string;
  /** `user` */
  readonly one: string;
  readonly action: string;
  readonly item: string;
  readonly about: string;
  readonly most: number;
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly columns: readonly (readonly [title: string, member: string])[];
  readonly address: (item: Item) => string;
  /** What makes another: a step, or the page for it. */
  readonly create: Step | string;
}

const nameRule = { required: true, maxLength: 64 };
const note = { maxLength: 128 };

export function Users() {
  const create: Step = {
    title: 'Create user',
    submit: 'Create',
    blanks: [
      {
        name: 'UserName',
        label: 'Name',
        hint: 'Letters, digits, ., _ and -.',
        pattern: '[A-Za-z0-9._\\-]+',
        ...nameRule,
      },
      { name: 'DisplayName', label: 'What people call it', ...note },
      { name: 'Comments', label: 'Comments', ...note },
    ],
    asked: (values) => ram('CreateUser', filled(values)),
  };
  return (
    <List
      title="Users"
      one="user"
      action="ListUsers"
      item="User"
      about="A user stands for a person or a program. It may do nothing until a policy is attached."
      most={limits.users}
      columns={[
        ['User', 'UserName'],
        ['Called', 'DisplayName'],
        ['Comments', 'Comments'],
        ['Created', 'CreateDate'],
      ]}
      address={({ UserName }) => addressOf('User', String(UserName))}
      create={create}
    />
  );
}

export function Groups() {
  const create: Step = {
    title: 'Create group',
    submit: 'Create',
    blanks: [
      {
        name: 'GroupName',
        label: 'Name',
        hint: 'Letters, digits, ., _ and -.',
        pattern: '[A-Za-z0-9._\\-]+',
        ...nameRule,
      },
      { name: 'Comments', label: 'Comments', ...note },
    ],
    asked: (values) => ram('CreateGroup', filled(values)),
  };
  return (
    <List
      title="Groups"
      one="group"
      action="ListGroups"
      item="Group"
      about="What is attached to a group counts for every user in it."
      most={limits.groups}
      columns={[
        ['Group', 'GroupName'],
        ['Comments', 'Comments'],
        ['Created', 'CreateDate'],
      ]}
      address={({ GroupName }) => addressOf('Group', String(GroupName))}
      create={create}
    />
  );
}

export function Roles() {
  const root = `acs:ram::${session.value?.account ?? ''}:root`;
  const create: Step = {
    title: 'Create role',
    submit: 'Create',
    blanks: [
      {
        name: 'RoleName',
        label: 'Name',
        hint: 'Letters, digits, . and -.',
        pattern: '[A-Za-z0-9.\\-]+',
        ...nameRule,
      },
      {
        name: 'Trusted',
        label: 'Who may assume it',
        hint: 'Any user of the account, or one: end it with user/<name>.',
        value: root,
        required: true,
      },
      { name: 'Description', label: 'Description', maxLength: 1_024 },
    ],
    asked: ({ Trusted = '', ...values }) =>
      ram('CreateRole', {
        ...filled(values),
        AssumeRolePolicyDocument: JSON.stringify(trusting(Trusted)),
      }),
  };
  return (
    <List
      title="Roles"
      one="role"
      action="ListRoles"
      item="Role"
      about="Whoever a role trusts may assume it, and gets temporary keys with the role's policies."
      most={limits.roles}
      columns={[
        ['Role', 'RoleName'],
        ['Description', 'Description'],
        ['Session, seconds', 'MaxSessionDuration'],
        ['Created', 'CreateDate'],
      ]}
      address={({ RoleName }) => addressOf('Role', String(RoleName))}
      create={create}
    />
  );
}

export function Policies() {
  return (
    <List
      title="Policies"
      one="policy"
      action="ListPolicies"
      item="Policy"
      about="A policy says what is allowed or denied. It counts for whom it is attached to."
      most={limits.policies}
      columns={[
        ['Policy', 'PolicyName'],
        ['Type', 'PolicyType'],
        ['Description', 'Description'],
        ['Attached', 'AttachmentCount'],
        ['Default', 'DefaultVersion'],
      ]}
      address={({ PolicyType, PolicyName }) =>
        policyAddress(String(PolicyType), String(PolicyName))
      }
      create="/console/access/policies/new"
    />
  );
}

function trusting(principal: string) {
  return {
    Version: '1',
    Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { RAM: [principal] } }],
  };
}

/** Without what was left empty. */
function filled(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''));
}

/** Rows laid out at once: past them a person looks for one by name. */
const rowsShown = 200;

function List(listing: Listing) {
  const { title, one, about, columns, create } = listing;
  const { route } = useLocation();
  const changes = useSignal(0);
  const wanted = useSignal('');
  const items = useLoaded(() => listAll<Item>(listing.action, listing.item), [changes.value]);
  const step = useStep(() => {
    changes.value += 1;
  });
  const all = items.value.value;
  // Those that come with Sluice do not count towards the limit.
  const own = all?.filter(({ PolicyType }) => PolicyType !== 'System').length ?? 0;
  const isFull = own >= listing.most;
  const matching = (all ?? []).filter((item) => hasText(item, columns, wanted.value));
  return (
    <section class="listing">
      <div class="row spread">
        <h1>{title}</h1>
        <button
          type="button"
          class="main"
          disabled={isFull}
          onClick={() => (typeof create === 'string' ? route(create) : step.take(create))}
        >
          Create {one}
        </button>
      </div>
      <p class="hint">{about}</p>
      <Trouble error={items.trouble.value} />
      <div class="row spread">
        <Field label={`Find a ${one}`} value={wanted} type="search" />
        <span class="hint" role="status">
          {all && `${own.toLocaleString('en')} of ${listing.most.toLocaleString('en')} at most`}
          {isFull && ': delete one to make room.'}
          {all === undefined && items.trouble.value === undefined && 'Loading…'}
        </span>
      </div>
      {all !== undefined && <Rows listing={listing} items={matching} isEmpty={all.length === 0} />}
      {step.dialog}
    </section>
  );
}

interface RowsProps {
  readonly listing: Listing;
  readonly items: readonly Item[];
  /** There is none at all, whatever is looked for. */
  readonly isEmpty: boolean;
}

function Rows({ listing: { one, columns, address }, items, isEmpty }: RowsProps) {
  if (items.length === 0) {
    return (
      <p class="card empty">
        {isEmpty ? `There is no ${one} yet. Create the first one above.` : `No ${one} matches.`}
      </p>
    );
  }
  return (
    <>
      <Table titles={columns.map(([title]) => title)}>
        {items.slice(0, rowsShown).map((item) => (
          <tr key={address(item)}>
            {columns.map(([title, member], index) => {
              const text = cellText(item, member);
              return <td key={title}>{index === 0 ? <a href={address(item)}>{text}</a> : text}</td>;
            })}
          </tr>
        ))}
      </Table>
      {items.length > rowsShown && (
        <p class="hint">
          The first {rowsShown} of {items.length.toLocaleString('en')}: find the others by name.
        </p>
      )}
    </>
  );
}

function cellText(item: Item, member: string): string {
  const text = String(item[member] ?? '');
  return member.endsWith('Date') ? timeText(text) : text;
}

function hasText(item: Item, columns: Listing['columns'], wanted: string): boolean {
  const text = wanted.trim().toLowerCase();
  return columns.some(([, member]) =>
    String(item[member] ?? '')
      .toLowerCase()
      .includes(text),
  );
}
