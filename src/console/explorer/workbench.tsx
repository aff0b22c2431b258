import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { ActionDescription } from '../../sdk/describe.ts';
import { Tabs } from '../ui/tabs.tsx';
import { CallForm, FormTools } from './call-form.tsx';
import { Code } from './code.tsx';
import { factsOf } from './facts.ts';
import { createForm, type Form } from './form.ts';
import { PastCalls } from './past-calls.tsx';
import { Result } from './result.tsx';
import { type Trial, tryCall } from './trial.ts';

const tabs = ['Code', 'Answer', 'History'] as const;

interface Props {
  readonly action: ActionDescription;
  /** Opens an address of the Explorer, be it the one that is open. */
  readonly open: (address: string) => void;
}

/** One action at work: its form, and beside it the code, the answer and the history. */
export function Workbench({ action, open }: Props) {
  const form = useMemo(() => createForm(action, location.search), []);
  const trial = useSignal<Trial | undefined>(undefined);
  const tab = useSignal<(typeof tabs)[number]>('Code');
  const outcome = useRef<HTMLElement>(null);
  useAddress(form);
  useEffect(() => () => trial.peek()?.stop(), []);
  const show = (name: (typeof tabs)[number]) => {
    tab.value = name;
  };
  const call = () => {
    show('Answer');
    void tryCall(form, trial);
    // Where the columns stand below each other, the answer comes below what can be seen.
    if (matchMedia('(width < 75rem)').matches) outcome.current?.scrollIntoView();
  };
  return (
    <>
      <section class="form-column" aria-label="Form">
        <Head action={action} />
        <FormTools form={form} />
        <CallForm form={form} trial={trial} call={call} />
      </section>
      <section class="result-column" ref={outcome} aria-label="Code and answer">
        <p class="unseen" role="status">
          {outcomeOf(trial.value)}
        </p>
        <Tabs label="Code and answer" names={tabs} chosen={tab.value} choose={show}>
          {tab.value === 'Code' && <Code form={form} />}
          {tab.value === 'Answer' && <Result trial={trial.value} showCode={() => show('Code')} />}
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
function outcomeOf(trial: Trial | undefined): string {
  if (trial === undefined) return '';
  if (trial.isRunning) return 'Calling.';
  if (trial.answer === undefined) return 'No answer.';
  const { status, milliseconds } = trial.answer;
  const code = factsOf(trial.answer).code ?? '';
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
