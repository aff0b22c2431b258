import type { Signal } from '@preact/signals';
import { limits } from '../../limits.ts';
import type { Path, PolicyKind } from '../../ram/policy.ts';
import { listActions } from '../catalogue.ts';
import { useLoaded } from '../ui/loaded.ts';
import { PolicyEditor } from './editor.tsx';
import { faultOf } from './faults.ts';
import type { Suggestion } from './suggestions.ts';

interface Props {
  readonly label: string;
  readonly kind: PolicyKind;
  /** What it starts from. */
  readonly text: string;
  /** What stands in it now. */
  readonly draft: Signal<string>;
  readonly shown?: Path | undefined;
}

/** The editor, with what is wrong in words below it, for those who do not see the marks. */
export function EditablePolicy({ label, kind, text, draft, shown }: Props) {
  const actions = useLoaded(actionNames, []);
  const fault = faultOf(draft.value, kind);
  return (
    <div class="stack">
      <PolicyEditor
        label={label}
        kind={kind}
        text={text}
        actions={actions.value.value ?? []}
        change={(changed) => {
          draft.value = changed;
        }}
        {...(shown === undefined ? {} : { shown })}
      />
      <p role="status" class={fault ? 'trouble' : 'hint'}>
        {fault
          ? `Line ${lineOf(draft.value, fault.from)}: ${fault.message}`
          : `No mistake. ${draft.value.length.toLocaleString('en')} of ` +
            `${limits.policyCharacters.toLocaleString('en')} characters.`}
      </p>
      <p class="hint">
        Ctrl+Space completes names of actions, operators and keys. Tab leaves the editor; while
        names are shown, Escape puts them away first.
      </p>
    </div>
  );
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** Every action as policies name it. */
async function actionNames(): Promise<readonly Suggestion[]> {
  const actions = await listActions();
  return actions.map(({ ramName, summary }) => ({ text: ramName, about: summary }));
}
