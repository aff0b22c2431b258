import type { Signal } from '@preact/signals';
import { useEffect, useId, useRef } from 'preact/hooks';
import { dashes, drawPlot, type Plot } from './plot.ts';
import { type Chart, isKnown } from './series.ts';
import { readable } from './units.ts';

interface Props {
  readonly chart: Chart;
  readonly times: readonly number[];
  /** The minute that is read out on every chart of the page, Unix milliseconds. */
  readonly at: Signal<number | undefined>;
  /** What is shown, Unix milliseconds. */
  readonly shown: { readonly from: number; readonly until: number };
  readonly zoom: (from: number, until: number) => void;
  readonly reset: () => void;
}

/**
 * A chart whose values are read by pointer or by keyboard: it is a slider over its minutes, so that
 * arrow keys move and a screen reader says what stands there.
 */
export function ChartView({ chart, times, at, shown, zoom, reset }: Props) {
  const id = useId();
  const host = useRef<HTMLDivElement>(null);
  const legend = useRef<HTMLUListElement>(null);
  const plot = useRef<Plot>(undefined);
  const known = isKnown(chart);
  useEffect(() => {
    if (host.current === null || !known) return;
    const made = drawPlot({
      host: host.current,
      chart,
      times,
      colors: () => colorsOf(legend.current),
      point: (index) => {
        at.value = times[index];
      },
      zoom,
    });
    plot.current = made;
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const recolor = () => made.draw(chart, times);
    scheme.addEventListener('change', recolor);
    return () => {
      scheme.removeEventListener('change', recolor);
      made.destroy();
      plot.current = undefined;
    };
  }, [known, chart, times]);
  useEffect(() => plot.current?.range(shown.from, shown.until), [shown, known, chart, times]);
  const found = at.value === undefined ? -1 : times.indexOf(at.value);
  const index = found < 0 ? undefined : found;
  useEffect(() => plot.current?.mark(index), [index, shown, known, chart, times]);
  return (
    <section class="card chart" aria-labelledby={id}>
      <h2 id={id} class="flat">
        {chart.title}
      </h2>
      <small>{chart.hint ?? '\u00a0'}</small>
      <Legend chart={chart} at={index} list={legend} />
      {known ? (
        <div
          class="plot"
          ref={host}
          role="slider"
          tabIndex={0}
          aria-label={`${chart.title}, minute by minute`}
          aria-valuemin={0}
          aria-valuemax={times.length - 1}
          aria-valuenow={index ?? 0}
          aria-valuetext={told(chart, times, index)}
          onKeyDown={(event) => move(event, index, { times, at, shown, zoom, reset })}
        />
      ) : (
        <p class="plot empty">Nothing is known of this time.</p>
      )}
    </section>
  );
}

/** The colours of the lines, then of the grid and of texts. */
function colorsOf(legend: HTMLElement | null): string[] {
  if (legend === null) return [];
  const samples = [...legend.querySelectorAll('svg')].map((each) => getComputedStyle(each).color);
  const { borderBottomColor, color } = getComputedStyle(legend);
  return [...samples, borderBottomColor, color];
}

interface LegendProps {
  readonly chart: Chart;
  readonly at: number | undefined;
  readonly list: { current: HTMLUListElement | null };
}

/** The names of the lines and their values where one points. */
function Legend({ chart, at, list }: LegendProps) {
  return (
    <ul class="legend" ref={list}>
      {chart.lines.map(({ name, values }, index) => (
        <li key={name}>
          <svg class={`line-${index}`} width="28" height="8" aria-hidden="true">
            <line
              x1="0"
              x2="28"
              y1="4"
              y2="4"
              stroke="currentColor"
              stroke-width="2"
              stroke-dasharray={dashes[index]?.join(' ')}
            />
          </svg>
          {name} <strong>{at !== undefined && valueText(values[at], chart.unit)}</strong>
        </li>
      ))}
    </ul>
  );
}

export function valueText(value: number | null | undefined, unit: string): string {
  return value === null || value === undefined ? 'not known' : readable(value, unit);
}

/** What a screen reader says of a minute. */
function told({ lines, unit }: Chart, times: readonly number[], index: number | undefined): string {
  const time = index === undefined ? undefined : times[index];
  if (index === undefined || time === undefined) return 'No minute is chosen: press an arrow key.';
  const values = lines.map(({ name, values }) => `${name} ${valueText(values[index], unit)}`);
  return `${timeText(time)}: ${values.join(', ')}`;
}

/** Local time of a minute, with its day where that is not today. */
export function timeText(time: number): string {
  return new Date(time).toLocaleString([], { dateStyle: 'short', timeStyle: 'short' });
}

type Moved = Pick<Props, 'times' | 'at' | 'shown' | 'zoom' | 'reset'>;

/** Arrows by a minute, pages by ten, Home and End to the ends; + zooms in, Escape out. */
function move(event: KeyboardEvent, index: number | undefined, moved: Moved): void {
  const { times, at, shown, zoom, reset } = moved;
  const first = times.findIndex((time) => time >= shown.from);
  const last = times.findLastIndex((time) => time <= shown.until);
  const now = index ?? last;
  const steps: Readonly<Record<string, number>> = {
    ArrowLeft: now - 1,
    ArrowRight: now + 1,
    PageDown: now - 10,
    PageUp: now + 10,
    Home: first,
    End: last,
  };
  const next = steps[event.key];
  if (next !== undefined) at.value = times[Math.min(Math.max(next, first), last)];
  else if (event.key === '+') around(times[now] ?? shown.until, shown, zoom);
  else if (event.key === 'Escape') reset();
  else return;
  event.preventDefault();
}

/** A third of what is shown, on both sides of a moment. */
function around(time: number, { from, until }: Props['shown'], zoom: Props['zoom']): void {
  const half = Math.max((until - from) / 6, 120_000);
  zoom(Math.max(time - half, from), Math.min(time + half, until));
}
