import { autocompletion, type CompletionContext, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { json } from '@codemirror/lang-json';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { linter, lintGutter } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import { EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { useEffect, useRef } from 'preact/hooks';
import type { Path, PolicyKind } from '../../ram/policy.ts';
import { faultOf } from './faults.ts';
import { pathAt, rangeOf } from './places.ts';
import { type Suggestion, suggestionsAt } from './suggestions.ts';
import './editor.css';

interface Props {
  readonly label: string;
  readonly kind: PolicyKind;
  /** What stands in it at first; another text begins anew. */
  readonly text: string;
  /** Told each change; absent: it is only read. */
  readonly change?: (text: string) => void;
  /** RAM names of actions, to complete them. */
  readonly actions?: readonly Suggestion[];
  /** A part to go to at first. */
  readonly shown?: Path;
}

/**
 * An editor of policies that says what is wrong while one types. Tab leaves it, as it leaves any
 * field. It stands in a shadow root: there its styles are style sheets of the document's own
 * making, and not <style> elements, which the content security policy refuses.
 */
export function PolicyEditor({ label, kind, text, change, actions = [], shown }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const told = useRef<Told>({ change, actions });
  told.current = { change, actions };
  const isReadOnly = change === undefined;
  useEffect(() => {
    const root = host.current!.shadowRoot ?? host.current!.attachShadow({ mode: 'open' });
    const view = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: text,
        extensions: [
          lineNumbers(),
          json(),
          bracketMatching(),
          syntaxHighlighting(colours),
          theme,
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': label }),
          EditorState.readOnly.of(isReadOnly),
          ...(isReadOnly ? [] : editing(kind, () => told.current)),
        ],
      }),
    });
    if (shown !== undefined) {
      const { from, to } = rangeOf(text, shown);
      view.dispatch({ selection: { anchor: from, head: to }, scrollIntoView: true });
      view.focus();
    }
    return () => view.destroy();
  }, [text, kind, label, isReadOnly]);
  return <div class="policy-editor" ref={host} />;
}

interface Told {
  readonly change: Props['change'];
  readonly actions: readonly Suggestion[];
}

function editing(kind: PolicyKind, told: () => Told) {
  return [
    history(),
    highlightActiveLine(),
    lintGutter(),
    linter((view) => diagnosticsOf(view, kind), { delay: 200 }),
    autocompletion({
      override: [(context) => completionsOf(context, kind, told().actions)],
    }),
    keymap.of([...completionKeymap, ...defaultKeymap, ...historyKeymap]),
    EditorView.updateListener.of(({ docChanged, state }) => {
      if (docChanged) told().change?.(state.doc.toString());
    }),
  ];
}

function diagnosticsOf({ state }: EditorView, kind: PolicyKind) {
  const fault = faultOf(state.doc.toString(), kind);
  if (fault === undefined) return [];
  const most = state.doc.length;
  const { from, to, message } = fault;
  return [
    { from: Math.min(from, most), to: Math.min(to, most), message, severity: 'error' as const },
  ];
}

function completionsOf(
  { state, pos, explicit }: CompletionContext,
  kind: PolicyKind,
  actions: readonly Suggestion[],
) {
  const text = state.doc.toString();
  const line = state.doc.lineAt(pos);
  const typed = /"([^"]*)$/.exec(text.slice(line.from, pos));
  if (typed === null || (typed[1] === '' && !explicit && text[pos] !== '"')) return null;
  const options = suggestionsAt(pathAt(text, pos), kind, actions).map((each) => ({
    label: each.text,
    ...(each.about === undefined ? {} : { detail: each.about }),
  }));
  return options.length === 0 ? null : { from: pos - (typed[1]?.length ?? 0), options };
}

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--accent)' },
  { tag: tags.string, color: 'var(--good)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--warn)' },
]);

/** In the page's own colours, which reach into the shadow root. */
const theme = EditorView.theme({
  '&': { color: 'var(--text)', backgroundColor: 'var(--surface)', fontSize: '0.87rem' },
  '&.cm-focused': { outline: '2px solid var(--accent)' },
  '.cm-scroller': { fontFamily: 'var(--mono)', minHeight: '14rem', maxHeight: '60vh' },
  '.cm-content': { caretColor: 'var(--text)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': {
    color: 'var(--faint)',
    backgroundColor: 'var(--raised)',
    borderRight: '1px solid var(--line)',
  },
  '.cm-activeLine': { backgroundColor: 'transparent' },
  '.cm-tooltip': {
    color: 'var(--text)',
    backgroundColor: 'var(--raised)',
    border: '1px solid var(--line)',
  },
  '.cm-tooltip-autocomplete ul li[aria-selected]': {
    color: 'var(--on-accent)',
    backgroundColor: 'var(--accent)',
  },
  '.cm-completionDetail': { color: 'inherit' },
});
