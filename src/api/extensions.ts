import type { IncomingHttpHeaders } from 'node:http';
import { limits } from '../limits.ts';
import type { Extensions } from './call.ts';
import { ApiError } from './errors.ts';

/**
 * Reads the request headers that extend ENS: `x-sluice-if-revision`, `x-sluice-dry-run` (true, 1),
 * `x-sluice-drain-seconds`, `x-sluice-confirm-wait` (milliseconds; `800ms` and `2s` as well) and
 * `x-sluice-gone` (true, 1).
 * @throws ApiError InvalidParameter.<header> for a value that is no such number or flag
 */
export function readExtensions(headers: IncomingHttpHeaders): Extensions {
  const ifRevision = whole(headers, 'x-sluice-if-revision', Number.MAX_SAFE_INTEGER);
  const drainSeconds = whole(headers, 'x-sluice-drain-seconds', limits.drainSecondsMax);
  const confirmWait = milliseconds(headers, 'x-sluice-confirm-wait', limits.confirmWaitMax);
  return {
    dryRun: flag(headers, 'x-sluice-dry-run'),
    ...(flag(headers, 'x-sluice-gone') ? { gone: true } : {}),
    ...(ifRevision === undefined ? {} : { ifRevision }),
    ...(drainSeconds === undefined ? {} : { drainSeconds }),
    ...(confirmWait === undefined ? {} : { confirmWait }),
  };
}

function whole(headers: IncomingHttpHeaders, name: string, max: number): number | undefined {
  const text = headers[name];
  if (text === undefined || text === '') return undefined;
  const value = /^\d{1,16}$/.test(String(text)) ? Number(text) : Number.NaN;
  if (value <= max) return value;
  throw invalid(name, `expected a whole number from 0 to ${max}`);
}

function milliseconds(headers: IncomingHttpHeaders, name: string, max: number) {
  const text = headers[name];
  if (text === undefined || text === '') return undefined;
  const [, digits, unit] = /^(\d{1,9})(ms|s)?$/.exec(String(text)) ?? [];
  const value = Number(digits) * (unit === 's' ? 1_000 : 1);
  if (value <= max) return value;
  throw invalid(name, `expected milliseconds from 0 to ${max}, or such as 2s`);
}

function flag(headers: IncomingHttpHeaders, name: string): boolean {
  const text = String(headers[name] ?? '').toLowerCase();
  if (text === '' || text === 'false' || text === '0') return false;
  if (text === 'true' || text === '1') return true;
  throw invalid(name, 'expected true or false');
}

function invalid(header: string, detail: string): ApiError {
  return new ApiError('InvalidParameter.%s', { subject: header, detail });
}
