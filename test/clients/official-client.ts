/** What a user gives to a client. */
export interface AccessKey {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  /** Of a temporary key. */
  readonly securityToken?: string;
}

export type Parameters = Readonly<Record<string, unknown>>;

/** An error answer, as a client shows it to its user. */
export interface ShownRefusal {
  /** The class of its exception, or the name where all are of one class. */
  readonly type: string;
  readonly code?: string;
  readonly status?: number;
  readonly message: string;
  readonly requestId?: string;
  /** Absent where the client does not show it. */
  readonly retryAfterMs?: number | null;
}

/** The body of a 200 as the client hands it over, or what it throws. */
export type Outcome =
  | { readonly body: Parameters; readonly refusal?: never }
  | { readonly refusal: ShownRefusal; readonly body?: never };

/** One of Alibaba Cloud's own clients, unmodified, as its users call it. */
export interface OfficialClient {
  /** @param parameters as the API's pages name them; lists as lists, numbers as numbers */
  call(key: AccessKey, action: string, parameters: Parameters): Promise<Outcome>;
  close(): Promise<void>;
}

/** The outcome of a call of a client that is a Node package. */
export async function outcomeOf(
  answer: Promise<Parameters>,
  shown: (error: unknown) => ShownRefusal,
): Promise<Outcome> {
  try {
    // As plain objects: some parsers make objects without a prototype.
    return { body: JSON.parse(JSON.stringify(await answer)) as Parameters };
  } catch (error) {
    return { refusal: shown(error) };
  }
}
