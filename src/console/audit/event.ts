/** An event as ActionTrail tells it, with what only Sluice knows. */
export interface AuditEvent {
  readonly eventId: string;
  readonly eventName: string;
  readonly eventRW: string;
  readonly eventTime: string;
  readonly serviceName: string;
  readonly requestParameters: Readonly<Record<string, string>>;
  readonly responseElements?: Readonly<Record<string, string>>;
  readonly referencedResources: Readonly<Record<string, readonly string[]>>;
  readonly sourceIpAddress: string;
  readonly userAgent: string;
  readonly userIdentity: {
    readonly type: string;
    readonly userName: string;
    readonly accessKeyId: string;
  };
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly additionalEventData: {
    readonly Scheme: string;
    readonly Time: string;
    readonly DecidedBy: string;
    readonly Revision: number;
    readonly DryRun?: boolean;
    readonly Truncated?: boolean;
    readonly OmittedCalls?: number;
    readonly IgnoredServers: readonly string[];
    readonly Changes: readonly Change[];
  };
}

/** What one record of the store was and is; null = there was, or is, none. */
export interface Change {
  readonly Key: string;
  readonly Before: Readonly<Record<string, unknown>> | null;
  readonly After: Readonly<Record<string, unknown>> | null;
}
