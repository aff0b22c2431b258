import type { Statement } from './policy.ts';

/** A statement as a document has it, every value in a list. */
export function statementDocument(statement: Statement): Readonly<Record<string, unknown>> {
  const { effect, exceptActions, actions, resources, conditions } = statement;
  const condition: Record<string, Record<string, readonly string[]>> = {};
  for (const { operator, key, values } of conditions) {
    condition[operator] = { ...condition[operator], [key]: values };
  }
  return {
    Effect: effect,
    [exceptActions ? 'NotAction' : 'Action']: actions,
    Resource: resources,
    ...(conditions.length === 0 ? {} : { Condition: condition }),
  };
}
