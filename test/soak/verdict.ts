/** What counts against the run; each must be zero in the end. */
export const failings = [
  'stale requests',
  'failed requests',
  'failed calls',
  'cut sessions',
  'false fences',
  'not recovered',
  'leaks',
] as const;

export type Failing = (typeof failings)[number];

/** Examples of each failing that are kept. */
const examplesKept = 5;

/** Counts what happens and says how the run went. */
export class Verdict {
  /** Requests answered, by kind of traffic. */
  readonly requests = new Map<string, number>();
  readonly operations = new Map<string, number>();
  readonly faults = new Map<string, number>();
  /** Failed requests and sessions that a fault explains. */
  explained = 0;
  readonly #failings = new Map<Failing, { count: number; readonly examples: string[] }>();
  readonly #begun = performance.now();

  count(what: 'requests' | 'operations' | 'faults', kind: string): void {
    this[what].set(kind, (this[what].get(kind) ?? 0) + 1);
  }

  fail(failing: Failing, example: string): void {
    const known = this.#failings.get(failing) ?? { count: 0, examples: [] };
    this.#failings.set(failing, known);
    known.count += 1;
    if (known.examples.length < examplesKept) {
      known.examples.push(`${this.#at()} ${example.slice(0, 300)}`);
    }
  }

  get good(): boolean {
    return this.#failings.size === 0;
  }

  /** One line: where the run is. */
  line(): string {
    const sum = (counts: ReadonlyMap<string, number>) =>
      [...counts.values()].reduce((a, b) => a + b, 0);
    const counted = failings.map((each) => `${this.#failings.get(each)?.count ?? 0} ${each}`);
    return [
      this.#at(),
      `${sum(this.operations)} operations, ${sum(this.requests)} requests,`,
      `${sum(this.faults)} faults (explain ${this.explained} failures):`,
      counted.join(', '),
    ].join(' ');
  }

  /** All of it, at the end. */
  summary(): string {
    const list = (counts: ReadonlyMap<string, number>) =>
      [...counts].map(([kind, count]) => `${kind} ${count}`).join(', ');
    const lines = [
      `operations: ${list(this.operations)}`,
      `requests: ${list(this.requests)}`,
      `faults: ${list(this.faults)}; they explain ${this.explained} failures`,
    ];
    for (const failing of failings) {
      const { count = 0, examples = [] } = this.#failings.get(failing) ?? {};
      lines.push(`${failing}: ${count}`, ...examples.map((each) => `  ${each}`));
    }
    return lines.join('\n');
  }

  #at(): string {
    return `[${((performance.now() - this.#begun) / 1_000).toFixed(1)} s]`;
  }
}
