import { type Signal, useSignal } from '@preact/signals';
import { type Asked, call } from '../door.ts';

interface Called<Body> {
  readonly body: Body;
  readonly headers: Readonly<Record<string, string>>;
}

/** Work that a person asks for by a button: a call, or several that make one thing. */
export interface Attempt {
  readonly busy: Signal<boolean>;
  /** Why the last one failed; undefined when it did not. */
  readonly trouble: Signal<unknown>;
  /** @returns what came of it when it worked, else undefined; also while other work runs */
  work<Result>(steps: () => Promise<Result>): Promise<Result | undefined>;
  /** One call. @returns the answer when it worked, else undefined */
  run<Body>(asked: Asked): Promise<Called<Body> | undefined>;
}

/** Does one thing at a time and keeps what came of the last. */
export function useAttempt(): Attempt {
  const busy = useSignal(false);
  const trouble = useSignal<unknown>(undefined);
  const work = async <Result>(steps: () => Promise<Result>) => {
    if (busy.value) return undefined;
    busy.value = true;
    trouble.value = undefined;
    try {
      return await steps();
    } catch (error) {
      trouble.value = error;
      return undefined;
    } finally {
      busy.value = false;
    }
  };
  const run = <Body>({ product, action, parameters = {}, headers = {} }: Asked) =>
    work(() => call<Body>(product, action, parameters, { headers }));
  return { busy, trouble, work, run };
}
