import { CallFailed, follow } from './door.ts';

/** The control plane writes a line every two seconds at least: a longer silence is a hung one. */
const silenceMs = 5_000;

/** Pauses before a broken stream is opened again, in milliseconds: doubled up to the last. */
const retryMs = { first: 500, most: 8_000 };

interface Reader<Line> {
  readonly action: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** @returns true when there is nothing more to come */
  take(line: Line): boolean;
  /**
   * Called when the stream has broken, is silent, or was closed while the tab was hidden (without
   * an error). `final`: it is not opened again, since it is refused.
   */
  away(error: unknown, final: boolean): void;
}

/**
 * Reads one stream after the other: each ends now and then, and a broken one is opened anew. There
 * is none while the tab is hidden: a browser opens six connections to an origin, over all tabs.
 */
export async function readOn<Line>(reader: Reader<Line>, signal: AbortSignal): Promise<void> {
  let pause = retryMs.first;
  while (!signal.aborted) {
    if (document.visibilityState === 'hidden') {
      await untilShown(signal);
      if (signal.aborted) return;
      reader.away(undefined, false);
    }
    const guard = guardStream(signal);
    try {
      const { action, parameters } = reader;
      for await (const line of follow<Line>('Sluice', action, parameters, guard.signal)) {
        guard.touch();
        pause = retryMs.first;
        if (reader.take(line)) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (document.visibilityState === 'hidden') continue;
      const isFinal = isRefusal(error);
      reader.away(error, isFinal);
      if (isFinal) return;
    } finally {
      guard.end();
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 2, retryMs.most);
  }
}

interface StreamGuard {
  /** Aborts with the reader, when nothing has come for too long, and when the tab is hidden. */
  readonly signal: AbortSignal;
  /** Something has come. */
  touch(): void;
  end(): void;
}

function guardStream(signal: AbortSignal): StreamGuard {
  const ended = new AbortController();
  let timer: ReturnType<typeof setTimeout>;
  const touch = () => {
    clearTimeout(timer);
    timer = setTimeout(() => ended.abort(), silenceMs);
  };
  const onVisibility = () => {
    if (document.visibilityState === 'hidden') ended.abort();
  };
  document.addEventListener('visibilitychange', onVisibility);
  touch();
  return {
    signal: AbortSignal.any([signal, ended.signal]),
    touch,
    end: () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisibility);
    },
  };
}

/** Resolves when the tab is shown, or `signal` aborts. */
function untilShown(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (document.visibilityState === 'hidden' && !signal.aborted) return;
      document.removeEventListener('visibilitychange', look);
      signal.removeEventListener('abort', look);
      resolve();
    };
    document.addEventListener('visibilitychange', look);
    signal.addEventListener('abort', look);
    look();
  });
}

/** A refusal stays one however often it is asked again, but for one of many at a time. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof CallFailed)) return false;
  return error.status >= 400 && error.status < 500 && !error.code.startsWith('Throttling');
}
