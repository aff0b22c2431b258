import { auditLimits } from './audit-limits.ts';
import { reloadLimits } from './reload-limits.ts';

/** Every bound of Sluice, with its reason. Times in milliseconds unless the name says otherwise. */
export const limits = {
  ...reloadLimits,
  /** A call may carry 20 servers of five short fields; 1 MB leaves two hundred times that. */
  bodyBytes: 1_048_576,
  /** gateway.md: a GET is at most 4 KB; SDKs put everything in the query of a POST too. */
  queryBytes: 65_536,
  /** V1 signs a form encoded twice, nine bytes for one: twice the longest policy document fits. */
  formBytesV1: 32_768,
  headerBytes: 16_384,
  /** Flattened lists of 100 ids and 20 tags fit several times over. */
  parameters: 2_000,
  /** Deeper JSON than any parameter's schema has. */
  jsonDepth: 8,
  /** Documented: servers in one Add, Remove or Set. */
  batch: 20,
  /** Clients' clocks may differ by this much either way (documented: 15 minutes). */
  clockSkew: 15 * 60_000,
  /** Nonces of a key in the life of a timestamp: 1,100 calls a second. Past it it has to wait. */
  noncesPerKey: 2_000_000,
  /** Of all keys, some 60 bytes each; past it a key with more than its share has to wait. */
  nonces: 8_000_000,
  /** What a key that has to wait is told to. */
  nonceRetry: 60_000,
  /** How long an answer waits for forwarders unless the call says otherwise. */
  confirmWait: 1_000,
  confirmWaitMax: 30_000,
  drainSeconds: 30,
  /** A day: longer than any session that should outlive its server. */
  drainSecondsMax: 86_400,
  /** Times a transaction is run again after losing a race, before OperationConflict. */
  commitRetries: 16,
  /** Calls folded into one commit of one load balancer. */
  foldedCalls: 64,
  /** Audit records of one such commit: etcd takes requests of 1.5 MB, in base64. */
  foldedBytes: 400_000,
  /** Expired records deleted along with one commit that writes a new one. */
  sweep: 20,
  /** Documented: a ClientToken counts for 10 minutes. */
  clientToken: 10 * 60_000,
  /** A forwarder that has not renewed within this is no longer live. */
  forwarderLeaseSeconds: 5,
  /** A forwarder without a report for this long is marked: no lease of it is renewed any more. */
  leaseSilenceMs: 1_200,
  /** One that has reported within this is busy, and no answer waits for its lease to end. */
  leaseQuietMs: 1_000,
  /** How often a control plane looks for forwarders that have become silent. */
  memberSweep: 200,
  /** The longest that an answer waits for the lease of a silent forwarder to end. */
  fenceWait: 5_000,
  /** The least time that an answer gives the store to say which forwarders may serve a site. */
  membersRead: 1_000,
  /** How long DeregisterForwarder waits for the forwarder to stop serving. */
  goodbyeWait: 10_000,
  heartbeat: 2_000,
  fullSnapshot: 5 * 60_000,
  /** Our own client puts parameters past this into a form body: long query strings trip proxies. */
  clientQueryBytes: 4_096,
  /** Connections of our own client to one endpoint. */
  clientConnections: 64,
  /** Throttle buckets: some 60 actions for 1,500 accounts; past that all start afresh. */
  throttleBuckets: 100_000,
  /** Calls a second of one address that prove nothing; a wrongly set up client makes fewer. */
  unprovenCalls: 50,
  /** How long an answer to one past that is held back, half as long to half as long again. */
  unprovenPause: 1_000,
  /** Keys and addresses that have proven themselves: past this many all start afresh. */
  provenCallers: 100_000,
  /** A body longer than this needs one of an address's few places until its call is proven. */
  unprovenBodyBytes: 32_768,
  /** These places: with 1 MB each, 2,000 connections would otherwise hold 2 GB. */
  unprovenAtOnce: 8,
  ...auditLimits,
  /** Failures told of one forwarder and site in a list of forwarders; the count tells of more. */
  failuresTold: 20,
  /** Characters of a reason in a report; what is longer is cut. */
  reportReason: 2_000,
  /** Failures, drains or probes in one report: 5,000 load balancers of three servers fit. */
  reportEntries: 50_000,
  /** From the start of our own forwarder until it is live: a large site loads in seconds. */
  forwarderStart: 60_000,
  /** A user agent longer than this is cut where it is kept. */
  userAgent: 512,
  /** Characters of a text of ours in an answer header; proxies take 8 KB of headers at least. */
  headerText: 2_000,
  /** Of the string to sign that a wrong signature gets back: that of a full query fits. */
  stringToSignShown: 200_000,
  /** Below the open files a process usually may have, 20,000 here; the rest is for engines. */
  connections: 10_000,
  /** Of them from one address, trusted proxies apart: no caller shuts out the rest. */
  connectionsPerAddress: 2_000,
  /** A socket on which nothing moves is cut; above the longest confirm wait and a heartbeat. */
  socketIdle: 60_000,
  /** How often slow requests are looked for. */
  slowRequestCheck: 5_000,
  /** A client that has not sent its request within this is cut off. */
  requestTimeout: 30_000,
  /** How often the door looks whether its certificate's files have changed. */
  tlsLook: 2_000,
  /** Kept-alive connections may idle this long (the gateway says 25 s). */
  keepAlive: 25_000,
  /** Between two tries to reach a store that is away. */
  storeRetry: 500,
  /** Between two tries to read from a store that is away, growing up to the second figure. */
  followRetry: { minMs: 100, maxMs: 5_000 },
  /** How long an answer waits until this control plane itself goes by what was changed. */
  viewBehind: 2_000,
  /** When an access key was last used is written down once within this. */
  keyUse: 3_600_000,
  /** Documented for RAM (pages of December 2025): of each account, user, group, role, policy. */
  users: 5_000,
  groups: 300,
  roles: 1_000,
  policies: 1_500,
  policyVersions: 5,
  policyCharacters: 6_144,
  accessKeysPerUser: 2,
  groupsPerUser: 10,
  systemPoliciesAttached: 20,
  customPoliciesAttached: 10,
  /** Documented for STS; the page's error text still says 1,024. */
  sessionPolicyCharacters: 2_048,
  /** Characters of a diagnostic message: one of the longest names has some 3,000. */
  diagnosticMessage: 8_192,
  sessionSecondsMin: 900,
  sessionSeconds: 3_600,
  sessionSecondsMax: 43_200,
  /** A session of the console lasts a working day at most, and ends after a break like lunch. */
  consoleLife: 12 * 3_600_000,
  consoleIdle: 30 * 60_000,
  /** Session cookies of one request that are opened: our own and some that others planted. */
  consoleCookies: 8,
  /** Its cookie tells of the last call to within this: writing it with each would gain nothing. */
  consoleRefresh: 60_000,
  /** From the printing of a sign-in link until it is followed: time to find the terminal again. */
  consoleTicket: 15 * 60_000,
  /** How often a stream is held against its session. */
  consoleLook: 1_000,
  /** A secret is 30 characters; what an operator chose as root's may be longer. */
  consoleSecret: 512,
  /** Deeper than any parameter, and far from where printing it would exhaust the stack. */
  consoleDepth: 32,
  /** Lines a slow watcher may be behind; past that it gets a fresh snapshot instead. */
  feedQueue: 1_000,
  /** Between two lines to who watches load balancers: what comes meanwhile goes together. */
  livePace: 250,
  /** A stream of a watcher ends then, so that its rights are asked again: it calls again. */
  liveLife: 5 * 60_000,
  /** Streams of watchers for one account on one control plane; each is a connection. */
  liveStreams: 200,
  /** Ids kept for a slow watcher; past that it is told that all may have changed. */
  liveChanges: 1_000,
  /** How often a forwarder counts the traffic of load balancers that somebody watches. */
  trafficEvery: 1_000,
  /** Load balancers of one site that are counted so at once: some 1 ms of HAProxy for each. */
  trafficWatched: 50,
  /** Listeners and servers told of in one such report: some 200 bytes each, within a body. */
  trafficRows: 2_000,
  /** What was counted is measured by for this long: a replaced worker may be silent a moment. */
  trafficKept: 60_000,
  /** A drain is still shown for this long once its deadline has passed. */
  drainShown: 60_000,
  /** A site's feed is kept this long after its last watcher left, for those who reconnect. */
  idleFeed: 30_000,
  /** Deleted load balancers named in a snapshot, newest first; 28 bytes each. */
  tombstonesTold: 10_000,
  /**
   * Before a forwarder tries all its control planes again, growing, by how the last one failed. A
   * try at one that says nothing costs nothing; a stream that begins anew costs it a snapshot, and
   * one whose reports fail or that refuses is left alone for longer.
   */
  reconnect: {
    unreachable: { minMs: 100, maxMs: 1_000 },
    lost: { minMs: 100, maxMs: 5_000 },
    refused: { minMs: 1_000, maxMs: 5_000 },
    unanswered: { minMs: 1_000, maxMs: 5_000 },
  },
  /** Pause on a stream before the control plane says that it is alive: one small line. */
  streamAlive: 500,
  /** A forwarder leaves a stream on which nothing is read for this long: three such lines. */
  streamSilence: 1_500,
  /** Heartbeats missed in a row before a forwarder leaves a stream that is alive otherwise. */
  missedHeartbeats: 3,
  /** Lines that wait in a forwarder; past that it does not read on. */
  streamLines: 100,
  /** A forwarder that reports nothing else for this long sends an empty report. */
  reportEvery: 700,
  /** A report without an answer within this has failed; with `reportEvery`, well below 2 s. */
  reportTimeout: 700,
  /** Characters of a report that add a millisecond to that: an uplink of some 1 Mbit/s. */
  reportCharactersPerMs: 100,
  /** Steps in which a forwarder counts these times, so that its own pauses do not count. */
  streamStep: 100,
  /** A connection that lasts this long ends the row of failures before it: two heartbeats. */
  steadyConnection: 5_000,
  /** Between two tries to report. */
  reportRetry: { minMs: 100, maxMs: 2_000 },
  /** How often a forwarder looks at its drains and health: while sessions drain, and else. */
  statusDraining: 1_000,
  statusIdle: 5_000,
  /** An unchanged status is sent again after this, should a control plane have lost it. */
  statusRefresh: 30_000,
  /** Failures named one by one in a report; past that one entry stands for all. */
  reportedFailures: 500,
  /** Load balancers reported ahead of the rest of their site; dropping one only understates. */
  reportedAhead: 500,
  /** Drains and health entries in one report; some 200 bytes each, within a body. */
  reportedStatus: 2_000,
  /** Policy `fence`: a lease runs so long from when a report was sent: three may fail in a row. */
  leaseMs: 2_000,
  leaseRenewMs: 500,
  /** From its end until an engine lets nothing new in; lease-lines.ts has the sum. */
  leaseEngineMs: 1_000,
  /** A load may end so long after a lease, in the file that it reads. */
  leaseStart: 500,
  /** Renewals between two looks at the kernel's leases: 10 s. */
  leaseLooks: 20,
  /** HAProxy's checks of a lease: one may be lost. */
  leaseCheck: { intervalMs: 200, timeoutMs: 300, againMs: 100, failures: 2 },
  /** HAProxy may open what the system lets it, up to this: it keeps some 100 bytes for each. */
  engineOpenFiles: 200_000,
  /** HAProxy's log is begun anew past this. */
  engineLogBytes: 1_000_000,
  /** A HAProxy that ends sooner after its start than this did not last. */
  engineSteady: 10_000,
  /** Probes of our own under way at once, a socket each; more wait for their turn. */
  probesAtOnce: 500,
  /** Between two starts of a HAProxy that does not last; the first two follow at once. */
  engineRestart: { minMs: 100, maxMs: 5_000 },
  /** Tries of a verb while HAProxy is away, and the pause between two. */
  engineTries: 20,
  enginePause: 50,
  /** Tries to bind before a port counts as taken: a replaced worker lets go within milliseconds. */
  bindTries: 5,
  bindPause: 40,
  /** A listener that HAProxy could not bind is not tried again within this: a try stalls others. */
  refusedListener: 5 * 60_000,
  /** What addresses the machine has is looked up again after this: 5,000 take 10 ms. */
  addressesKnown: 10_000,
  /** The program `ip` answers within milliseconds; past this it is taken for hung. */
  addressCommand: 10_000,
  /** Bytes that it may say: some 150 for each address of the machine. */
  addressOutput: 16_777_216,
  /** Clients that one listener remembers for persistence; some 100 bytes each. */
  persistentClients: 100_000,
  /** Slots that flows are dealt to in turn: enough for 1 % whatever the weights, 50 KB a change. */
  turnSlots: 1_000,
  /** Slots of a hash: a share of 1 in 1,024 moves at once. */
  hashSlots: 1_024,
  /** The kernel tells of a change before nft ends, or late; past this the table is read. */
  nftTold: 1_000,
  /** Between two starts of `nft monitor`. */
  nftRestart: 1_000,
  /** Lines of one transaction that are looked at: some 40 a listener, 5,000 of them. */
  nftLines: 200_000,
  /** Between a change by somebody else and the reading: those come in bursts. */
  nftDoubt: 50,
  /** Looks after a cut until its flows are seen gone, before it is left to a later one. */
  flowCuts: 5,
  /** Flows listed at once, some 200 bytes each: the kernel's own bound is 262,144. */
  flowListBytes: 256_000_000,
  /** Flows that the kernel's wlc deals out, at least, before it looks again how many there are. */
  levelFlows: 32,
  /** How often it looks. */
  levelPause: 1_000,
  /** Between two looks whether a cut session has ended, and how often; a minute in all. */
  cutRetry: { minMs: 20, maxMs: 1_000 },
  cutTries: 60,
  /** The longest a timer of Node can be set for. */
  timerMost: 2 ** 31 - 1,
  /** Verbs at work on one engine: enough for one reload to carry a whole site. */
  engineVerbs: 1_000,
  /** Each load balancer is applied and read back again within this, changed or not. */
  engineRefresh: 5 * 60_000,
  /** Between two tries of a load balancer that the engine refused. */
  applyRetry: { minMs: 250, maxMs: 30_000 },
  /** A journal that has grown by this since its last snapshot is written anew. */
  journalGrowthBytes: 4_194_304,
  /** A snapshot that loses more of a site than both without a reason is refused whole. */
  unexplainedLoss: { loadBalancers: 3, share: 0.1 },
  /** Monitoring data is kept this long: the documented window is 24 hours. */
  minutesKept: 25 * 3_600_000,
  /** Documented: the longest window of one monitoring call. */
  monitorWindow: 24 * 3_600_000,
  /** Values that a site's minute is spread over, so that one load balancer's are found at once. */
  minuteBuckets: 32,
  /** Listeners in one report of a minute: some 100 bytes each on the wire, within a body. */
  minuteListeners: 2_000,
  /** Minutes that a forwarder holds for a control plane that is away; the oldest go then. */
  minutesWaiting: 60,
  /** Between two looks at what replaced workers of HAProxy count: often at first, many end soon. */
  countersOfOld: { minMs: 20, maxMs: 2_000 },
  /** A look that takes long is not repeated before this many times as long have passed. */
  countersRest: 50,
  /** Characters of a backup that are written at once. */
  backupChunk: 1_000_000,
  /** A restored SQLite store goes on so far above its backup: forwarders refuse what is older. */
  restoreLead: 1_000_000_000,
  /** Commits kept in memory for watchers that resume. */
  watchHistory: 10_000,
  /** Characters of values in that history: 10,000 commits at 6 KB. */
  watchHistoryChars: 64_000_000,
  /** Events one slow watcher may be behind; twice watchHistory, so that a whole replay fits. */
  watchQueue: 20_000,
  watchQueueChars: 128_000_000,
  /** Commits that wait for the disk; past it the disk has failed us and callers are told so. */
  commitQueue: 20_000,
  /** Keys written, or checked, by one commit: etcd's own default (--max-txn-ops). */
  commitKeys: 128,
  /** How often lapsed leases are looked for. */
  leaseSweep: 100,
  /** One etcd request; its own proposals are given up after some 7 s. */
  etcdRequest: 4_000,
  etcdConnect: 2_000,
  /** A healthy member answers within milliseconds; past this another one is called as well. */
  etcdHedge: 250,
  /** A commit goes to a member that has answered within this; else it is checked, in 0.5 ms. */
  etcdFresh: 50,
  /** How long etcd's endpoints are tried in turn before a call fails. */
  etcdPatience: 5_000,
  /** The same for a watch, which has nobody waiting for an answer: an election and a restart. */
  etcdWatchPatience: 60_000,
  /** A watch that hears nothing for this long is opened again: its link may be half open. */
  etcdWatchSilence: 10_000,
  etcdBackoff: 50,
  etcdBackoffMax: 1_000,
  /** Connections to one etcd endpoint, watches apart. */
  etcdConnections: 64,
  /** One line of a watch: etcd sends at most 1,000 revisions together; 64 KB each. */
  etcdLineBytes: 64_000_000,
  /** Commits in one SQLite transaction. */
  groupCommit: 256,
  /** Characters of recent reads that the SQLite store keeps: some 15,000 load balancers. */
  recentReads: 32_000_000,
  /** Ids whose site is remembered: 100,000 load balancers at some 100 bytes. */
  rememberedIds: 100_000,
  /** Records read from the store in one step of a listing; keeps each step under a millisecond. */
  rangePage: 500,
  /** Why a load balancer is gone is kept for forwarders that are away: 30 days. */
  tombstone: 30 * 86_400_000,
  /** Addresses of a pool read to find the lowest free one; past that a free one is guessed. */
  addressesRead: 500,
  /** Guesses before the whole pool is read: enough for a pool that is nine tenths full. */
  addressGuesses: 20,
  /** Characters of a certificate, its issuers and its key: HAProxy's socket takes 16 KB at once. */
  certificateBytes: 14_000,
  certificateChain: 10,
  /** Certificates that a site's feed reads from the store at a time. */
  certificateReads: 64,
  /** Before a certificate expires it is said so for this long. */
  certificateNotice: 30 * 86_400_000,
  /** Of these, told of one site by a forwarder. */
  noticesOfCertificates: 20,
  listenersPerLoadBalancer: 50,
  backendsPerLoadBalancer: 200,
  drainingPerLoadBalancer: 1_000,
  /** Characters of an Explorer's address: what mail, chat and proxies carry unharmed. */
  explorerAddress: 4_000,
  /** Calls that the Explorer remembers of a tab. */
  explorerHistory: 50,
  /** Lines of a stream that the Explorer keeps, the newest; a snapshot may be one line of 1 MB. */
  explorerLines: 200,
  /** Characters of an answer that the Explorer lays out; a page with more hardly scrolls. */
  explorerShown: 200_000,
  /** Values that the Explorer offers for an id: one page of any list that has them. */
  explorerOffered: 50,
  /** How long the sample of `sluice up` waits for its load balancer's first answer. */
  sampleAnswer: 5_000,
  /** Of a search in the reference: longer than any name in it. */
  searchCharacters: 100,
} as const;
