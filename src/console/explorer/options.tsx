import type { Options } from './address.ts';
import { isWrite } from './danger.ts';
import type { Form } from './form.ts';

interface Option {
  readonly name: keyof Options;
  readonly label: string;
  readonly text: string;
  readonly placeholder?: string;
  readonly isNumber?: true;
}

const ofSamples: readonly Option[] = [
  {
    name: 'RegionId',
    label: 'Region',
    text: 'For the code: SDKs want one. Sluice takes any.',
    placeholder: 'cn-hangzhou',
  },
  {
    name: 'Endpoint',
    label: 'Endpoint',
    text: 'For the code. “Try it” always calls the control plane that serves this page.',
    placeholder: location.host,
  },
];

const ofWrites: readonly Option[] = [
  {
    name: 'x-sluice-if-revision',
    label: 'x-sluice-if-revision',
    text: 'Change only what has not changed since this revision.',
    isNumber: true,
  },
  {
    name: 'x-sluice-drain-seconds',
    label: 'x-sluice-drain-seconds',
    text: 'How long sessions of what is taken out may still run.',
    placeholder: '30',
    isNumber: true,
  },
  {
    name: 'x-sluice-confirm-wait',
    label: 'x-sluice-confirm-wait',
    text: 'How long the answer waits for forwarders: milliseconds, or such as 2s. 0 = not at all.',
    placeholder: '1000',
  },
];

/** What goes with a call besides its parameters. */
export function CallOptions({ form }: { readonly form: Form }) {
  const { options, action } = form;
  const shown = isWrite(action) ? [...ofSamples, ...ofWrites] : ofSamples;
  const isGiven = shown.some(({ name }) => options.peek()[name] !== '');
  return (
    <details class="options" open={isGiven}>
      <summary>Region, endpoint{isWrite(action) && ', revision, drain, confirmation'}</summary>
      {shown.map(({ name, label, text, placeholder, isNumber }) => (
        <div class="field" key={name}>
          <div class="field-name">
            <label for={`option-${name}`}>{label}</label>
          </div>
          <input
            id={`option-${name}`}
            aria-describedby={`option-${name}-text`}
            autocomplete="off"
            spellcheck={false}
            inputMode={isNumber ? 'numeric' : undefined}
            placeholder={placeholder}
            value={options.value[name]}
            onInput={(event) => setOption(form, name, event.currentTarget.value.trim())}
          />
          <p class="hint" id={`option-${name}-text`}>
            {text}
          </p>
        </div>
      ))}
    </details>
  );
}

export function setOption({ options }: Form, name: keyof Options, value: string): void {
  options.value = { ...options.value, [name]: value };
}
