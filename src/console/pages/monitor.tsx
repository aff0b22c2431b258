import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { useRoute } from 'preact-iso';
import { ChartView } from '../monitors/chart.tsx';
import { type LoadBalancerMonitored, readMonitored } from '../monitors/read.ts';
import { chartsOf, minute, windowOf } from '../monitors/series.ts';
import { Values } from '../monitors/values.tsx';
import { Choice } from '../ui/field.tsx';
import { useLoaded } from '../ui/loaded.ts';
import { Tabs } from '../ui/tabs.tsx';
import { Trouble } from '../ui/trouble.tsx';
import './monitor.css';

const ranges = [1, 3, 6, 24].map((hours) => ({
  value: String(hours),
  text: hours === 1 ? 'Last hour' : `Last ${hours} hours`,
}));

const views = ['Charts', 'Table'] as const;

/** What one load balancer did, minute by minute. */
export default function Monitor() {
  const id = String(useRoute().params.id);
  const hours = useSignal('1');
  const minutes = useMinutes();
  const loaded = useLoaded(
    () => readMonitored(id, windowOf(Date.now(), Number(hours.value))),
    [id, hours.value, minutes],
  );
  const found = loaded.value.value;
  const name = found?.name ?? id;
  useEffect(() => {
    document.title = `Monitors of ${name} – Sluice`;
  }, [name]);
  return (
    <>
      <h1>Monitors of {name}</h1>
      <p>
        <a href={`/console/load-balancers/${id}`}>Its page</a> ·{' '}
        <a href="/console/monitors">All monitors</a>
      </p>
      <Trouble error={loaded.trouble.value} />
      {found && (
        <Monitors
          monitored={found}
          hours={hours.value}
          choose={(value) => {
            hours.value = value;
          }}
        />
      )}
    </>
  );
}

/** Goes up with every minute that the page is looked at. */
function useMinutes(): number {
  const count = useSignal(0);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) count.value += 1;
    }, minute);
    return () => clearInterval(timer);
  }, []);
  return count.value;
}

interface Props {
  readonly monitored: LoadBalancerMonitored;
  readonly hours: string;
  readonly choose: (hours: string) => void;
}

const together = '';

function Monitors({ monitored, hours, choose }: Props) {
  const listener = useSignal(together);
  const view = useSignal<(typeof views)[number]>('Charts');
  const at = useSignal<number | undefined>(undefined);
  const zoomed = useSignal<{ from: number; until: number } | undefined>(undefined);
  const wanted = listener.value === together ? undefined : listener.value;
  const charts = useMemo(() => chartsOf(monitored, wanted), [monitored, wanted]);
  const { from, until } = monitored;
  const shown = useMemo(() => zoomed.value ?? { from, until }, [zoomed.value, from, until]);
  const reset = () => {
    zoomed.value = undefined;
  };
  return (
    <>
      <Controls
        hours={hours}
        chooseHours={(value) => {
          reset();
          choose(value);
        }}
        listener={listener}
        listeners={monitored.listeners}
        isZoomed={zoomed.value !== undefined}
        reset={reset}
      />
      <Tabs
        label="View"
        names={views}
        chosen={view.value}
        choose={(name) => {
          view.value = name;
        }}
      >
        {view.value === 'Charts' ? (
          <div class="charts">
            {charts.charts.map((chart) => (
              <ChartView
                key={chart.title}
                chart={chart}
                times={charts.times}
                at={at}
                shown={shown}
                zoom={(begin, end) => {
                  zoomed.value = { from: begin, until: end };
                }}
                reset={reset}
              />
            ))}
          </div>
        ) : (
          <Values charts={charts} shown={shown} />
        )}
      </Tabs>
    </>
  );
}

interface ControlsProps {
  readonly hours: string;
  readonly chooseHours: (hours: string) => void;
  readonly listener: Signal<string>;
  readonly listeners: readonly string[];
  readonly isZoomed: boolean;
  readonly reset: () => void;
}

/** What is shown: of which time, and of which listener. */
function Controls(props: ControlsProps) {
  const { hours, chooseHours, listener, listeners, isZoomed, reset } = props;
  return (
    <div class="row controls">
      <Choice label="Time" value={hours} options={ranges} choose={chooseHours} />
      <Choice
        label="Listener"
        value={listener.value}
        options={[
          { value: together, text: 'All together' },
          ...listeners.map((each) => ({ value: each, text: each })),
        ]}
        choose={(value) => {
          listener.value = value;
        }}
      />
      <button type="button" disabled={!isZoomed} onClick={reset}>
        Reset zoom
      </button>
      <small>
        Drag over a chart to zoom. By keyboard: arrows, Page Up and Down, Home, End; + zooms in,
        Escape out. Times are this machine's.
      </small>
    </div>
  );
}
