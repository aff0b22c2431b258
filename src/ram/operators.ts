import { compareDecimals, contains, readBlock, readBool, readDate, readDecimal } from './values.ts';
import { fits } from './wildcard.ts';

/** How a condition compares what the request has with what the policy says. */
export interface Operator {
  /** True for `…Not…`: it holds when the request has no value that matches one of the policy's. */
  readonly negated: boolean;
  /** What values a policy may give, in words. */
  readonly kind: string;
  accepts(wanted: string): boolean;
  matches(asked: string, wanted: string): boolean;
}

interface Kind<Value> {
  readonly kind: string;
  readonly read: (text: string) => Value | undefined;
}

function operator<Value>(
  { kind, read }: Kind<Value>,
  holds: (asked: Value, wanted: Value) => boolean,
  negated = false,
): Operator {
  return {
    negated,
    kind,
    accepts: (wanted) => read(wanted) !== undefined,
    matches(askedText, wantedText) {
      const asked = read(askedText);
      const wanted = read(wantedText);
      return asked !== undefined && wanted !== undefined && holds(asked, wanted);
    },
  };
}

const text: Kind<string> = { kind: 'text', read: (value) => value };
const folded: Kind<string> = { kind: 'text', read: (value) => value.toLowerCase() };
const decimal = { kind: 'decimal numbers', read: readDecimal };
const date = { kind: 'ISO 8601 times with Z or an offset', read: readDate };
const bool = { kind: 'true or false', read: readBool };
const block = { kind: 'addresses or CIDR blocks', read: readBlock };

const equal = <Value>(a: Value, b: Value) => a === b;

function ordered<Value>(
  name: string,
  kind: Kind<Value>,
  compare: (a: Value, b: Value) => number,
): [string, Operator][] {
  return [
    [`${name}Equals`, operator(kind, (a, b) => compare(a, b) === 0)],
    [`${name}NotEquals`, operator(kind, (a, b) => compare(a, b) === 0, true)],
    [`${name}LessThan`, operator(kind, (a, b) => compare(a, b) < 0)],
    [`${name}LessThanEquals`, operator(kind, (a, b) => compare(a, b) <= 0)],
    [`${name}GreaterThan`, operator(kind, (a, b) => compare(a, b) > 0)],
    [`${name}GreaterThanEquals`, operator(kind, (a, b) => compare(a, b) >= 0)],
  ];
}

/** The operators of RAM, all 21, by their names. */
export const operators: ReadonlyMap<string, Operator> = new Map([
  ['StringEquals', operator(text, equal)],
  ['StringNotEquals', operator(text, equal, true)],
  ['StringEqualsIgnoreCase', operator(folded, equal)],
  ['StringNotEqualsIgnoreCase', operator(folded, equal, true)],
  ['StringLike', operator(text, (asked, wanted) => fits(wanted, asked))],
  ['StringNotLike', operator(text, (asked, wanted) => fits(wanted, asked), true)],
  ...ordered('Numeric', decimal, compareDecimals),
  ...ordered('Date', date, (a, b) => a - b),
  ['Bool', operator(bool, equal)],
  ['IpAddress', operator(block, (asked, wanted) => contains(wanted, asked))],
  ['NotIpAddress', operator(block, (asked, wanted) => contains(wanted, asked), true)],
]);
