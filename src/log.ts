/** Where a part says what it met. A pino logger is one; so is a test's list. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What an error says, for a text that goes to a person. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
