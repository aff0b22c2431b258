import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { Copy } from './copy.tsx';
import { Tabs } from './tabs.tsx';
import './code-tabs.css';

/** A language that code for a call is written in. */
export interface Language<Request> {
  readonly id: string;
  readonly title: string;
  source(request: Request): string;
}

interface Props<Request, Written extends Language<Request>> {
  readonly languages: readonly Written[];
  readonly request: Request;
  /** What else is told of the language that is shown. */
  readonly more?: (language: Written) => ComponentChildren;
}

const kept = 'sluice.language';

/** The title of the one that was chosen last, here or on another page. */
const chosen = signal(localStorage.getItem(kept) ?? '');

function choose(title: string): void {
  chosen.value = title;
  localStorage.setItem(kept, title);
}

/** The code of one call in every language, one of them shown, ready to copy. */
export function CodeTabs<Request, Written extends Language<Request>>({
  languages,
  request,
  more,
}: Props<Request, Written>) {
  // What was chosen elsewhere may not be written for this call.
  const shown = languages.find(({ title }) => title === chosen.value) ?? languages[0];
  if (shown === undefined) return null;
  const { title } = shown;
  const code = shown.source(request);
  const titles = languages.map((language) => language.title);
  return (
    <Tabs label="Language" names={titles} chosen={title} choose={choose}>
      <div class="code">
        <Copy text={code} what={`the ${title} code`} />
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls takes the keyboard. */}
        <pre tabIndex={0}>{code}</pre>
      </div>
      {more?.(shown)}
    </Tabs>
  );
}
