import { limits } from '../../limits.ts';
import type { AuditRecord, ChangedRecord } from '../audit-records.ts';

/**
 * The JSON text of an audit record, of `limits.auditRecordBytes` at most. One that would be longer
 * is cut in steps and says so: texts first, then of lists what is the same before and after, at
 * last all but the names of what changed.
 */
export function recordText(record: AuditRecord): string {
  const whole = JSON.stringify(record);
  if (fits(whole)) return whole;
  const { response, ...rest } = record;
  const cut: AuditRecord = {
    ...rest,
    isCut: true,
    parameters: cutTexts(record.parameters),
    ...(response === undefined ? {} : { response: cutTexts(response) }),
    ignored: Object.values(cutTexts(Object.fromEntries(record.ignored.entries()))),
    changes: record.changes.slice(0, limits.auditCutChanges).map(differences),
  };
  const text = JSON.stringify(cut);
  return fits(text) ? text : bareRecordText(cut);
}

/** The same without parameters and values: who called what, when, and how it ended. */
export function bareRecordText({ response: _, ...record }: AuditRecord): string {
  const error = record.error && { ...record.error, message: record.error.message.slice(0, 200) };
  return JSON.stringify({
    ...record,
    isCut: true,
    decidedBy: record.decidedBy.slice(0, limits.auditName),
    parameters: {},
    ignored: [],
    changes: record.changes.slice(0, limits.auditCutChanges).map(namesOnly),
    ...(error === undefined ? {} : { error }),
  } satisfies AuditRecord);
}

function fits(text: string): boolean {
  // No character takes more than three bytes, so most texts need not be counted.
  const most = limits.auditRecordBytes;
  return text.length * 3 <= most || Buffer.byteLength(text) <= most;
}

/** Texts as many as fit and as long as each one's share of the bytes lets them be. */
function cutTexts(texts: Readonly<Record<string, string>>): Record<string, string> {
  const names = Object.keys(texts).slice(0, limits.auditCutBytes / limits.auditName);
  const share = Math.floor(limits.auditCutBytes / Math.max(1, names.length));
  return Object.fromEntries(names.map((name) => [name, cutText(texts[name]!, share)]));
}

/** The longest beginning of a text that takes no more bytes in JSON, or a little less of it. */
function cutText(text: string, bytes: number): string {
  let cut = text;
  for (;;) {
    const size = Buffer.byteLength(JSON.stringify(cut));
    if (size <= bytes || cut === '') return cut.toWellFormed();
    cut = cut.slice(0, Math.floor((cut.length * bytes) / size) - 1);
  }
}

/** A change in which lists have only the elements that one side alone has. */
function differences(change: ChangedRecord): ChangedRecord {
  const { key, before, after } = change;
  if (before === null || after === null) return change;
  const less = (one: object, other: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(
      Object.entries(one).map(([name, value]) => [name, without(value, other[name])]),
    );
  return { key, before: less(before, after), after: less(after, before) };
}

function without(value: unknown, other: unknown): unknown {
  if (!Array.isArray(value) || !Array.isArray(other)) return value;
  const same = new Set(other.map((each) => JSON.stringify(each)));
  return value.filter((each) => !same.has(JSON.stringify(each)));
}

/** A change with the names of the members that differ. */
function namesOnly({ key, before, after }: ChangedRecord): ChangedRecord {
  const names = (members: object | null) =>
    members && Object.fromEntries(Object.keys(members).map((name) => [name.slice(0, 64), '(cut)']));
  return { key: key.slice(0, limits.auditName), before: names(before), after: names(after) };
}
