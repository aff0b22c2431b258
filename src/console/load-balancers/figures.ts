/** Figures as a table shows them; a dash where nothing is known. */

const unknown = '–';

/** `12,345` */
export function countText(value: number | undefined): string {
  return value === undefined ? unknown : Math.round(value).toLocaleString('en');
}

/** A rate a second: one digit after the point where that says something. */
export function rateText(value: number | undefined): string {
  if (value === undefined) return unknown;
  const digits = value > 0 && value < 10 ? 1 : 0;
  return value.toLocaleString('en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** `1 session`, `3 sessions` */
export function plural(count: number, one: string): string {
  return `${countText(count)} ${count === 1 ? one : `${one}s`}`;
}

/** `24 s`, `2 min 5 s` */
export function secondsText(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds} s`;
  return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
}
