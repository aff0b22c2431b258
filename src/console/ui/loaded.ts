import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

export interface Loaded<Value> {
  /** Undefined until it has come. While it loads anew, the one before stays. */
  readonly value: Signal<Value | undefined>;
  readonly trouble: Signal<unknown>;
}

/** What `load` resolves with; loads again when one of `inputs` changes. */
export function useLoaded<Value>(
  load: () => Promise<Value>,
  inputs: readonly unknown[],
): Loaded<Value> {
  const value = useSignal<Value | undefined>(undefined);
  const trouble = useSignal<unknown>(undefined);
  useEffect(() => {
    let isCurrent = true;
    load().then(
      (loaded) => {
        if (!isCurrent) return;
        value.value = loaded;
        trouble.value = undefined;
      },
      (error: unknown) => {
        if (isCurrent) trouble.value = error;
      },
    );
    return () => {
      isCurrent = false;
    };
  }, inputs);
  return { value, trouble };
}
