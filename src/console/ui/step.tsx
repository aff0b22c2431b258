import { type Signal, signal, useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { Asked } from '../door.ts';
import { CallDialog } from './call-dialog.tsx';
import { Choice, Field } from './field.tsx';

/** One thing that a person is asked for. */
export interface Blank {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  /** What stands in it at first. */
  readonly value?: string;
  readonly required?: boolean;
  readonly maxLength?: number;
  readonly pattern?: string;
  /** Absent: any text. */
  readonly options?: readonly string[];
}

/** A call that a person confirms first, and fills in where it has blanks. */
export interface Step {
  readonly title: string;
  readonly submit: string;
  readonly danger?: boolean;
  readonly text?: string;
  readonly blanks?: readonly Blank[];
  readonly asked: (values: Readonly<Record<string, string>>) => Asked;
  /** Told the answer, before what is shown is loaded anew. */
  readonly done?: (body: Readonly<Record<string, unknown>>) => void;
}

/** The step that is being taken on a page; `changed` is told when one has worked. */
export function useStep(changed: () => void) {
  const step = useSignal<Step | undefined>(undefined);
  const close = () => {
    step.value = undefined;
  };
  return {
    take: (next: Step) => {
      step.value = next;
    },
    dialog: step.value && <StepDialog step={step.value} close={close} changed={changed} />,
  };
}

interface Props {
  readonly step: Step;
  readonly close: () => void;
  readonly changed: () => void;
}

function StepDialog({ step, close, changed }: Props) {
  const { title, submit, danger = false, text, blanks = [] } = step;
  const values = useMemo(
    () => new Map(blanks.map(({ name, value = '' }) => [name, signal(value)])),
    [step],
  );
  const entries = [...values].map(([name, { value }]) => [name, value.trim()] as const);
  return (
    <CallDialog<Readonly<Record<string, unknown>>>
      title={title}
      submit={submit}
      danger={danger}
      asked={step.asked(Object.fromEntries(entries))}
      close={close}
      done={(body) => {
        close();
        step.done?.(body);
        changed();
      }}
    >
      {text && <p>{text}</p>}
      {blanks.map((blank) => (
        <Fill key={blank.name} blank={blank} value={values.get(blank.name)!} />
      ))}
    </CallDialog>
  );
}

function Fill({ blank, value }: { readonly blank: Blank; readonly value: Signal<string> }) {
  const { name, options, value: _first, ...rest } = blank;
  if (options === undefined) return <Field {...rest} name={name} value={value} />;
  return (
    <Choice
      label={blank.label}
      {...(blank.hint === undefined ? {} : { hint: blank.hint })}
      value={value.value}
      choose={(chosen) => {
        value.value = chosen;
      }}
      options={options.map((each) => ({ value: each, text: each || 'Choose…' }))}
    />
  );
}

/** Of filled blanks, those that say something else than before. */
export function changedOf(
  values: Readonly<Record<string, string>>,
  before: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter(([name, value]) => value !== (before[name] ?? '')),
  );
}
