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
