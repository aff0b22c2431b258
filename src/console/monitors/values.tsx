import { timeText, valueText } from './chart.tsx';
import { type Charts, isKnown } from './series.ts';

interface Props {
  readonly charts: Charts;
  readonly shown: { readonly from: number; readonly until: number };
}

/** The values of all charts, the last minute first, without minutes that nobody reported. */
export function Values({ charts: { times, charts }, shown }: Props) {
  const known = charts.filter(isKnown);
  const columns = known.flatMap(({ title, unit, lines }) =>
    lines.map((line) => ({ ...line, title, unit })),
  );
  const rows = times
    .map((time, index) => ({ time, index }))
    .filter(({ time }) => time >= shown.from && time <= shown.until)
    .filter(({ index }) => columns.some(({ values }) => values[index] !== null))
    .reverse();
  if (rows.length === 0) return <p class="card empty">Nothing is known of this time.</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must take the keyboard.
    <section class="scroll values" tabIndex={0} aria-label="Values">
      <table>
        <thead>
          <tr>
            <th scope="col">Minute</th>
            {columns.map(({ title, name }) => (
              <th scope="col" class="number" key={`${title} ${name}`}>
                {title}: {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ time, index }) => (
            <tr key={time}>
              <th scope="row">{timeText(time)}</th>
              {columns.map(({ title, name, values, unit }) => (
                <td class="number" key={`${title} ${name}`}>
                  {valueText(values[index], unit)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
