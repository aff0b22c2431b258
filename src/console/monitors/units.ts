/** Numbers as a person reads them. */

const steps = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const;

/**
 * A number with three digits and its unit: `1.25 Mbit/s`, `0.05 /s`, `17`.
 * @param unit empty = a count, which is written out below 10,000
 */
export function readable(value: number, unit: string): string {
  const size = Math.abs(value);
  const [factor, prefix] = steps.find(([each]) => size >= each) ?? ([1, ''] as const);
  if (unit === '' && size < 10_000) return digits(value);
  return `${digits(value / factor)} ${prefix}${unit}`.trimEnd();
}

function digits(value: number): string {
  const size = Math.abs(value);
  if (Number.isInteger(value)) return String(value);
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return trimmed(value.toFixed(1));
  return trimmed(value.toFixed(2));
}

function trimmed(text: string): string {
  return text.replace(/\.?0+$/, '');
}
