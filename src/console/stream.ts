import { CallFailed, follow } from './door.ts';

/** Pauses before a broken stream is opened again, in milliseconds: doubled up to the last. */
const retryMs = { first: 500, most: 8_000 };

interface Reader<Line> {
  readonly action: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** @returns true when there is nothing more to come */
  take(line: Line): boolean;
  /** Told when the stream has broken. `final`: it is not opened again, since it is refused. */
  away(error: unknown, final: boolean): void;
}

/** Reads one stream after the other: each ends now and then, and a broken one is opened anew. */
export async function readOn<Line>(reader: Reader<Line>, signal: AbortSignal): Promise<void> {
  let pause = retryMs.first;
  while (!signal.aborted) {
    try {
      const { action, parameters } = reader;
      for await (const line of follow<Line>('Sluice', action, parameters, signal)) {
        pause = retryMs.first;
        if (reader.take(line)) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      const isFinal = isRefusal(error);
      reader.away(error, isFinal);
      if (isFinal) return;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 2, retryMs.most);
  }
}

/** A refusal stays one however often it is asked again, but for one of many at a time. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof CallFailed)) return false;
  return error.status >= 400 && error.status < 500 && !error.code.startsWith('Throttling');
}
