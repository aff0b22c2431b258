import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

/** This machine's clock in Unix milliseconds, each second while `runs`. */
export function useNow(runs: boolean): number {
  const now = useSignal(Date.now());
  useEffect(() => {
    if (!runs) return;
    now.value = Date.now();
    const timer = setInterval(() => {
      now.value = Date.now();
    }, 1_000);
    return () => clearInterval(timer);
  }, [runs]);
  return now.value;
}
