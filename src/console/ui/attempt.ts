import { type Signal, useSignal } from '@preact/signals';
import { type Asked, call } from '../door.ts';

interface Called<Body> {
  readonly body: Body;
  readonly headers: Readonly<Record<string, string>>;
}

/** A call that a person asks for by a button. */
export interface Attempt {
  readonly busy: Signal<boolean>;
  /** Why the last one failed; undefined when it did not. */
  readonly trouble: Signal<unknown>;
  /** @returns the answer when it worked, else undefined */
  run<Body>(asked: Asked): Promise<Called<Body> | undefined>;
}

/** Makes calls one at a time and keeps what came of the last. */
export function useAttempt(): Attempt {
  const busy = useSignal(false);
  const trouble = useSignal<unknown>(undefined);
  const run = async <Body>({ product, action, parameters = {}, headers = {} }: Asked) => {
    if (busy.value) return undefined;
    busy.value = true;
    trouble.value = undefined;
    try {
      return await call<Body>(product, action, parameters, { headers });
    } catch (error) {
      trouble.value = error;
      return undefined;
    } finally {
      busy.value = false;
    }
  };
  return { busy, trouble, run };
}
