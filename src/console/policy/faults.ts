import { MalformedPolicy, type PolicyKind, parsePolicy } from '../../ram/policy.ts';
import { type Range, rangeOf } from './places.ts';

export interface Fault extends Range {
  readonly message: string;
}

/** What is wrong first in a policy, where it stands; undefined when it could be saved. */
export function faultOf(text: string, kind: PolicyKind): Fault | undefined {
  try {
    parsePolicy(text, kind);
    return undefined;
  } catch (error) {
    if (!(error instanceof MalformedPolicy)) throw error;
    const syntax = syntaxFault(text);
    return syntax ?? { message: error.reason, ...rangeOf(text, error.path) };
  }
}

/** Where a text stops being JSON, as the browser says it. */
function syntaxFault(text: string): Fault | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    const { message } = error as SyntaxError;
    const [, place] = /at position (\d+)/.exec(message) ?? [];
    const at = Math.min(place === undefined ? text.length : Number(place), text.length);
    const what = message.replace(/ in JSON at position.*$/s, '').replace(/^JSON\.parse: /, '');
    return { from: Math.max(0, at - (at === text.length ? 1 : 0)), to: at + 1, message: what };
  }
}
