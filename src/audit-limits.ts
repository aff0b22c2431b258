/** The bounds of the audit log: a part of `limits`. Times in milliseconds. */
export const auditLimits = {
  /** A parameter longer than this is cut in the audit record: 20 servers fit. */
  auditParameter: 8_192,
  /** Characters of JSON in which an audit record masks secrets; all of a longer text is masked. */
  auditMaskedText: 65_536,
  /** Parameters in one audit record: 20 tags and 100 IDs, flattened, fit. */
  auditParameters: 200,
  /** Characters of the name of one, and of the host that was called. */
  auditName: 256,
  /** Bytes of one audit record: 20 servers before and after fit several times. */
  auditRecordBytes: 32_768,
  /** Of them, what is left to parameters, answer and ignored servers of a record that is cut. */
  auditCutBytes: 4_096,
  /** Changes told of in a record that is cut; a cascading deletion may have more. */
  auditCutChanges: 40,
  /** Records of the audit log read in one step. */
  auditPage: 100,
  /** Records of the audit log that one call looks through before it answers with a token. */
  auditScan: 10_000,
  /** Bytes of an answer with audit records: a page of the largest would be five times this. */
  auditAnswerBytes: 1_000_000,
  /** Bytes of events of calls that changed nothing, waiting to be written. */
  auditQueueBytes: 16_000_000,
  /** Bytes of refused calls that one account may have recorded: a second, and at once. */
  auditRefusedBytes: { perSecond: 32_768, atOnce: 2_000_000 },
  /** Of an account's throttled calls one is recorded within this; the others are counted. */
  auditThrottled: 60_000,
  /** How often the log says that calls were counted and not recorded. */
  auditOmittedTold: 60_000,
  /** How long such events gather, and how many go into one commit. */
  auditFlush: 200,
  auditFlushRecords: 100,
  /** An event that has waited longer, for a store that was away, is kept under a later time. */
  auditWait: 5 * 60_000,
  /** Records in one seal: some 60 KB, and a seal is one value. */
  auditSealRecords: 500,
  /** How long a record may stand unsealed: what can be deleted within it unnoticed. */
  auditSealEvery: 1_000,
  /** A control plane takes over the sealing when it has seen no new seal for this long. */
  auditStandby: 5_000,
  /** Unsealed records held in memory, some 200 bytes each; the rest waits in the store. */
  auditUnsealed: 50_000,
  /** Records of the audit log checked by one call. */
  auditVerify: 5_000,
  /** Of them in one turn of the event loop (half a millisecond): other callers get the next. */
  auditVerifyTurn: 25,
  /** Records of the audit log deleted by one commit, and the pause between two such. */
  auditPrune: 100,
  auditPrunePause: 50,
  /** How often records are looked for whose time is over, or which are too many. */
  auditPruneEvery: 10_000,
  /** Megabytes of audit log that are kept: a year of a busy team. */
  auditMegabytes: 1_024,
  auditMegabytesMax: 1_000_000,
  /** What a record costs on disk besides its key and text: its place in a seal and in an index. */
  auditOverhead: 250,
  /** Documented: ActionTrail keeps events for 90 days and shows 50 at most in one answer. */
  auditDays: 90,
  auditDaysMax: 3_650,
  lookupResults: 50,
  /** Documented: LookupEvents looks back 7 days when no time is given. */
  lookupWindow: 7 * 86_400_000,
} as const;
