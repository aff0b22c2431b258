/** The bounds on HAProxy's reloads and on what they leave behind; a part of `limits`. */
export const reloadLimits = {
  /** HAProxy answers its socket in half a millisecond; past this it is taken for hung. */
  engineCommand: 2_000,
  /** Bytes of commands in one line to HAProxy, whose line buffer has 16 KB. */
  engineLine: 8_000,
  /** 5,000 listeners load in half a second; past this a load has failed. */
  engineLoad: 15_000,
  /** From SIGTERM to SIGKILL. */
  engineStop: 5_000,
  /** Applies that come together share a reload. */
  reloadGather: 5,
  /** Between two reloads, the more replaced workers there are; well below the confirm wait. */
  reloadPause: { perWorker: 10, max: 250 },
  /** Loads of one reload: each leaves out one listener that cannot bind. */
  reloadTries: 20,
  /** Sessions of before a reload may go on so long, in seconds: longer than any timeout of them. */
  oldWorkersAge: 86_400,
  /** The longest that can be set: HAProxy counts to 24 days. */
  oldWorkersAgeMax: 20 * 86_400,
  /** The share of the machine's memory that replaced workers may use unless set otherwise. */
  oldWorkersShare: 0.25,
  /** A session of before a reload counts as idle after this: long past a pause between packets. */
  oldWorkersIdle: 10_000,
  /** From the end of their age until active sessions are closed as idle ones are. */
  oldWorkersGrace: 60_000,
  /** HAProxy's master can list some 180 workers (16 KB); half as many more may come at once. */
  oldWorkersCount: 100,
  /** How often replaced workers are looked at while there are any. */
  oldWorkersEvery: 1_000,
  /** Notices of closed sessions, and how long each is shown. */
  oldWorkersNotices: 5,
  oldWorkersNotice: 3_600_000,
} as const;
