/** One line of the table: a ratio measured within one run, and what it should reach. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  /** `>= 0.34`, `<= 3`, `0`. */
  readonly aim: string;
  /** The numbers behind it. */
  readonly from: string;
}

/** Whether the value reaches its aim. */
export function reaches({ value, aim }: Figure): boolean {
  const [, sign = '=', bound = '0'] = /^(>=|<=)?\s*([\d.]+)/.exec(aim) ?? [];
  if (sign === '>=') return value >= Number(bound);
  return sign === '<=' ? value <= Number(bound) : value === Number(bound);
}

/** The figures as a table of text, columns aligned. */
export function table(figures: readonly Figure[]): string {
  const rows = [
    ['figure', 'measured', 'aim', '', 'from'],
    ...figures.map((figure) => [
      figure.name,
      Number.isInteger(figure.value) ? String(figure.value) : figure.value.toFixed(2),
      figure.aim,
      reaches(figure) ? 'ok' : 'MISSED',
      figure.from,
    ]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `4.27 ms` */
export function ms(value: number): string {
  return `${value.toFixed(2)} ms`;
}

/** `12345/s` */
export function perSecond(rate: number): string {
  return `${Math.round(rate)}/s`;
}
