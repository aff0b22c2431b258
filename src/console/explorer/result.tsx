import { useSignal } from '@preact/signals';
import { limits } from '../../limits.ts';
import type { Answer } from '../door.ts';
import { Copy } from '../ui/copy.tsx';
import { Trouble } from '../ui/trouble.tsx';
import { DenialBox } from './denial.tsx';
import { type Facts, factsOf } from './facts.ts';
import { pretty } from './pretty.ts';
import type { Trial } from './trial.ts';

interface Props {
  readonly trial: Trial | undefined;
  readonly showCode: () => void;
}

/** What came of the call. */
export function Result({ trial, showCode }: Props) {
  if (trial === undefined) {
    return <p class="empty">Nothing called yet. “Try it” shows the answer here.</p>;
  }
  const { isRunning, answer, lines, trouble } = trial;
  return (
    <div class="stack" aria-busy={isRunning}>
      {isRunning && <Running trial={trial} />}
      <Trouble error={trouble} />
      {answer && answer.status < 300 && (
        <p class="row spread offer">
          <span>It works. The same call in your own code:</span>
          <button type="button" onClick={showCode}>
            Use this in your code
          </button>
        </p>
      )}
      {answer && <AnswerView answer={answer} trial={trial} />}
      {lines && <Lines trial={trial} />}
    </div>
  );
}

function Running({ trial }: { readonly trial: Trial }) {
  return (
    <div class="row spread">
      <span>Waiting for {trial.lines ? 'more lines' : 'the answer'}…</span>
      <button type="button" onClick={trial.stop}>
        Stop
      </button>
    </div>
  );
}

function AnswerView({ answer, trial }: { readonly answer: Answer; readonly trial: Trial }) {
  const facts = factsOf(answer);
  const { status, headers, text, milliseconds } = answer;
  return (
    <>
      <div class="row">
        <span class={`badge ${status < 300 ? 'good' : 'bad'}`}>{status}</span>
        <span>{Math.round(milliseconds)} ms</span>
        {trial.isDryRun && <span class="badge warn">Dry run: nothing was changed</span>}
      </div>
      {facts.requestId && (
        <p class="request-id">
          RequestId <code>{facts.requestId}</code>
        </p>
      )}
      {facts.code && <Refused facts={facts} headers={headers} />}
      {text && <Body text={text} />}
      <Headers headers={headers} />
    </>
  );
}

/** An error of the API, with the way to its row of the error centre. */
function Refused({ facts, headers }: { facts: Facts; headers: Answer['headers'] }) {
  const { code, message, recommend, denial } = facts;
  const detail = headers['x-sluice-detail'];
  return (
    <>
      <div class="trouble" role="alert">
        <p>
          <strong>{code}</strong> {message}
        </p>
        {detail && <p>{detail}</p>}
        {recommend && (
          <a href={recommend} target="_blank" rel="noreferrer">
            What it means and what to do
          </a>
        )}
      </div>
      {denial && <DenialBox denial={denial} />}
    </>
  );
}

function Body({ text }: { readonly text: string }) {
  const isRaw = useSignal(false);
  const laidOut = isRaw.value ? text : pretty(text);
  const hidden = laidOut.length - limits.explorerShown;
  return (
    <section aria-label="Body">
      <div class="row spread">
        <fieldset class="choice">
          <legend class="unseen">Show the body</legend>
          {['Pretty', 'Raw'].map((way) => (
            <button
              type="button"
              key={way}
              aria-pressed={isRaw.value === (way === 'Raw')}
              onClick={() => {
                isRaw.value = way === 'Raw';
              }}
            >
              {way}
            </button>
          ))}
        </fieldset>
        <Copy text={laidOut} what="the body" />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard. */}
      <pre tabIndex={0}>{laidOut.slice(0, limits.explorerShown)}</pre>
      {hidden > 0 && <p class="hint">{hidden} characters more are not shown; copying has all.</p>}
    </section>
  );
}

function Headers({ headers }: { readonly headers: Answer['headers'] }) {
  const all = Object.entries(headers);
  if (all.length === 0) return null;
  const own = all.filter(([name]) => name.startsWith('x-sluice-'));
  const rest = all.filter(([name]) => !name.startsWith('x-sluice-'));
  return (
    <>
      {own.length > 0 && <HeaderTable headers={own} label="Sluice's headers" />}
      <details>
        <summary>All headers of the answer</summary>
        <HeaderTable headers={[...own, ...rest]} label="Headers" />
      </details>
    </>
  );
}

function HeaderTable({
  headers,
  label,
}: {
  readonly headers: readonly (readonly [string, string])[];
  readonly label: string;
}) {
  return (
    <div class="scroll">
      <table aria-label={label}>
        <tbody>
          {headers.map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td class="mono">{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The newest lines of a stream. */
function Lines({ trial }: { readonly trial: Trial }) {
  const { lines = [], lineCount = 0 } = trial;
  return (
    <section aria-label="Lines">
      <p class="hint">
        {lineCount} lines{lineCount > lines.length && `; the newest ${lines.length} are shown`}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard. */}
      <pre class="lines" tabIndex={0}>
        {lines.map((line) => line.slice(0, limits.explorerShown / 100)).join('\n')}
      </pre>
    </section>
  );
}
