/**
 * A rule's "no": the code of the API's error table and what its text names. The wire form (status,
 * text, language) belongs to api/errors; rules only know why they refuse.
 */
export class Refusal extends Error {
  readonly code: string;
  readonly subject: string | undefined;
  readonly detail: string | undefined;
  readonly httpStatus: number | undefined;

  /**
   * @param code a key of the error table, `%s` templates included (`InvalidParameter.%s`)
   * @param subject what `%s` stands for, or undefined for a code without one
   * @param detail one more sentence for the caller, beside the documented text
   * @param httpStatus where an action answers another status than the table's
   */
  constructor(code: string, subject?: string, detail?: string, httpStatus?: number) {
    super(`${code}${subject ? ` (${subject})` : ''}${detail ? `: ${detail}` : ''}`);
    this.name = 'Refusal';
    this.code = code;
    this.subject = subject;
    this.detail = detail;
    this.httpStatus = httpStatus;
  }
}
