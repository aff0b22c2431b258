import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { alone, type Chart } from './series.ts';
import { readable } from './units.ts';

/** What a chart is drawn from and told of. */
export interface PlotOptions {
  readonly host: HTMLElement;
  readonly chart: Chart;
  readonly times: readonly number[];
  /** The colour of each line, as the page's styles have it now. */
  readonly colors: () => readonly string[];
  /** The pointer is over this minute. */
  readonly point: (index: number) => void;
  /** A range was dragged; Unix milliseconds. */
  readonly zoom: (from: number, until: number) => void;
}

/** Lines differ by dash as well as by colour; the legend's samples have the same. */
export const dashes: readonly (readonly number[])[] = [[], [8, 4], [2, 3], [10, 3, 2, 3]];

const height = 180;
const axisWidth = 78;

export interface Plot {
  /** Shows where a minute stands; undefined = nowhere. */
  mark(index: number | undefined): void;
  /** Unix milliseconds. */
  range(from: number, until: number): void;
  /** Draws again: other values, or other colours of the page. */
  draw(chart: Chart, times: readonly number[]): void;
  destroy(): void;
}

/** Draws a chart into an element, and again whenever that changes its width. */
export function drawPlot({ host, chart, times, colors, point, zoom }: PlotOptions): Plot {
  const [line = '', text = ''] = [colors().at(-2), colors().at(-1)];
  const axis = (): uPlot.Axis => ({
    stroke: () => colors().at(-1) ?? text,
    grid: { stroke: () => colors().at(-2) ?? line, width: 1 },
    ticks: { stroke: () => colors().at(-2) ?? line, width: 1 },
  });
  let marked: number | undefined;
  const place = (self: uPlot) => {
    const at = marked === undefined ? undefined : self.data[0][marked];
    self.setCursor({ left: at === undefined ? -10 : self.valToPos(at, 'x'), top: 0 }, false);
  };
  const plot = new uPlot(
    {
      width: Math.max(host.clientWidth, 1),
      height,
      legend: { show: false },
      cursor: { y: false, drag: { x: true, y: false, setScale: false } },
      scales: { y: { range: (_, _min, max) => [0, max > 0 ? max * 1.1 : 1] } },
      axes: [
        axis(),
        {
          ...axis(),
          size: axisWidth,
          values: (_, splits) => splits.map((split) => readable(split, chart.unit)),
        },
      ],
      series: [{}, ...chart.lines.map((_, index) => seriesOf(index, colors))],
      hooks: {
        // Scales are set late: the mark stands by the scale that is drawn.
        setScale: [(self) => place(self)],
        setSelect: [
          (self) => {
            const { left, width } = self.select;
            if (width < 4) return;
            zoom(self.posToVal(left, 'x') * 1_000, self.posToVal(left + width, 'x') * 1_000);
            self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
      },
    },
    dataOf(chart, times),
    host,
  );
  // Not by the hook of the cursor, which also tells of marks and of scales.
  plot.over.addEventListener('pointermove', ({ offsetX }) => point(plot.posToIdx(offsetX)));
  const observer = new ResizeObserver(() => {
    plot.setSize({ width: Math.max(host.clientWidth, 1), height });
  });
  observer.observe(host);
  return {
    mark: (index) => {
      marked = index;
      place(plot);
    },
    range: (from, until) => plot.setScale('x', { min: from / 1_000, max: until / 1_000 }),
    draw: (next, at) => {
      plot.setData(dataOf(next, at), false);
      plot.redraw(true, true);
    },
    destroy: () => {
      observer.disconnect();
      plot.destroy();
    },
  };
}

function seriesOf(index: number, colors: () => readonly string[]): uPlot.Series {
  return {
    stroke: () => colors()[index] ?? '',
    width: 2,
    dash: [...(dashes[index] ?? [])],
    spanGaps: false,
    points: {
      size: 6,
      // A value between two gaps has no line to be seen by.
      filter: (self, series, show) => (show ? null : alone([...(self.data[series] ?? [])])),
    },
  };
}

function dataOf({ lines }: Chart, times: readonly number[]): uPlot.AlignedData {
  return [times.map((time) => time / 1_000), ...lines.map(({ values }) => [...values])];
}
