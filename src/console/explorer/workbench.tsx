import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { ActionDescription } from '../../sdk/describe.ts';
import { type Attempt, tryCall } from './attempt.ts';
import { CallForm, FormTools } from './call-form.tsx';
import { Code } from './code.tsx';
import { factsOf } from './facts.ts';
import { createForm, type Form } from './form.ts';
import { PastCalls } from './past-calls.tsx';
import { Result } from './result.tsx';
import { Tabs } from './tabs.tsx';

const tabs = ['Code', 'Answer', 'History'] as const;

interface Props {
  readonly action: ActionDescription;
  /** Opens an address of the Explorer, be it the one that is open. */
  readonly open: (address: string) => void;
}

/** One action at work: its form, and beside it the code, the answer and the history. */
export function Workbench({ action, open }: Props) {
  const form = useMemo(() => createForm(action, location.search), []);
  const attempt = useSignal<Attempt | undefined>(undefined);
  const tab = useSignal<(typeof tabs)[number]>('Code');
  useAddress(form);
  useEffect(() => () => attempt.peek()?.stop(), []);
  const call = () => {
    tab.value = 'Answer';
    void tryCall(form, attempt);
    document.getElementById('outcome')?.scrollIntoView({ block: 'nearest' });
  };
  return (
    <>
      <section class="form-column" aria-label="Form">
        <Head action={action} />
        <FormTools form={form} />
        <CallForm form={form} attempt={attempt} call={call} />
      </section>
      <section class="result-column" id="outcome" aria-label="Code and answer">
        <p class="unseen" role="status">
          {outcomeOf(attempt.value)}
        </p>
        <Tabs label="Code and answer" names={tabs} chosen={tab}>
          {tab.value === 'Code' && <Code form={form} />}
          {tab.value === 'Answer' && (
            <Result
              attempt={attempt.value}
              showCode={() => {
                tab.value = 'Code';
              }}
            />
          )}
          {tab.value === 'History' && <PastCalls open={open} />}
        </Tabs>
      </section>
    </>
  );
}

function Head({ action }: { readonly action: ActionDescription }) {
  const { name, product, version, summary, description, access, ramName } = action;
  return (
    <>
      <h1>{name}</h1>
      <p>
        {summary} {description}
      </p>
      <p class="row">
        <span class="badge">
          {product} {version}
        </span>
        <span class="badge" title="What a RAM policy names">
          {ramName}
        </span>
        <span class="badge">{access}</span>
        <a href={`/docs/${product}/${name}`} target="_blank" rel="noreferrer">
          Reference
        </a>
      </p>
    </>
  );
}

/** Said to screen readers when it changes. */
function outcomeOf(attempt: Attempt | undefined): string {
  if (attempt === undefined) return '';
  if (attempt.isRunning) return 'Calling.';
  if (attempt.answer === undefined) return 'No answer.';
  const { status, milliseconds } = attempt.answer;
  const code = factsOf(attempt.answer).code ?? '';
  return `Answer ${status} ${code} after ${Math.round(milliseconds)} milliseconds.`;
}

/** Keeps the page's address in step with the form, a moment after the last key. */
function useAddress({ action, address }: Form): void {
  useSignalEffect(() => {
    const to = `/console/explorer/${action.product}/${action.name}${address.value.query}`;
    const timer = setTimeout(() => history.replaceState(history.state, '', to), 300);
    return () => clearTimeout(timer);
  });
}
