/** Where each record lives. One place, so that a prefix that is watched is the one written. */
export const keys = {
  /** The first account, made by the first control plane. */
  rootAccount: 'account/root',
  account: (id: string) => `accounts/${id}`,
  accounts: 'accounts/',
  accessKey: (id: string) => `accesskey/${id}`,
  /** Written at most once an hour. */
  accessKeyUse: (id: string) => `accesskey-use/${id}`,
  allAccessKeys: 'accesskey/',
  /** A root access key that was deleted: a start that is given it does not make it again. */
  deletedRootKey: (id: string) => `accesskey-gone/${id}`,
  /** Users, groups, roles and policies: under their account, by name. */
  identities: 'identity/',
  directory: (account: string) => `identity/${account}/directory`,
  users: (account: string) => `identity/${account}/user/`,
  user: (account: string, name: string) => `identity/${account}/user/${name}`,
  groups: (account: string) => `identity/${account}/group/`,
  group: (account: string, name: string) => `identity/${account}/group/${name}`,
  roles: (account: string) => `identity/${account}/role/`,
  role: (account: string, name: string) => `identity/${account}/role/${name}`,
  policies: (account: string) => `identity/${account}/policy/`,
  policy: (account: string, name: string) => `identity/${account}/policy/${name}`,
  /** A sign-in at the console, until its session would have ended by itself. */
  consoleSession: (id: string) => `console-session/${id}`,
  consoleSessions: 'console-session/',
  site: (id: string) => `site/${id}`,
  allSites: 'site/',
  /** Written with every new site: two whose pools overlap cannot both be registered at once. */
  pools: 'setting/pools',
  /** A load balancer under its site: a forwarder watches `loadBalancers(site)`. */
  loadBalancer: (site: string, id: string) => `lb/${site}/${id}`,
  loadBalancers: (site: string) => `lb/${site}/`,
  allLoadBalancers: 'lb/',
  /** Id -> site, for calls that name only the id. */
  loadBalancerSite: (id: string) => `lb-site/${id}`,
  /** Why a load balancer is absent: explains its absence to a forwarder that was away. */
  tombstone: (site: string, id: string) => `lb-gone/${site}/${id}`,
  tombstones: (site: string) => `lb-gone/${site}/`,
  /** Which load balancer holds an address of the site's pool. */
  address: (site: string, address: string) => `address/${site}/${address}`,
  network: (id: string) => `network/${id}`,
  vSwitch: (id: string) => `vswitch/${id}`,
  instance: (id: string) => `instance/${id}`,
  /** Network interface id -> instance id. */
  networkInterface: (id: string) => `eni/${id}`,
  /** A server certificate with its sealed key. Immutable; written again to win a race. */
  certificate: (id: string) => `certificate/${id}`,
  certificates: 'certificate/',
  /** Whose name it is: names are unique within an account. */
  certificateName: (account: string, name: string) =>
    `certificate-name/${account}/${Buffer.from(name).toString('hex')}`,
  /** A listener that uses a certificate. */
  certificateUse: (id: string, site: string, loadBalancerId: string, port: number) =>
    `certificate-use/${id}/${site}/${loadBalancerId}/${port}`,
  certificateUses: (id: string) => `certificate-use/${id}/`,
  forwarder: (site: string, name: string) => `forwarder/${site}/${name}`,
  forwarders: (site: string) => `forwarder/${site}/`,
  allForwarders: 'forwarder/',
  /** Whether a forwarder may serve a site. */
  member: (site: string, forwarder: string) => `member/${site}/${forwarder}`,
  members: (site: string) => `member/${site}/`,
  allMembers: 'member/',
  /** Leased: what a forwarder has applied. Small, written on the path of every change. */
  applied: (site: string, forwarder: string) => `report/${site}/${forwarder}/applied`,
  /** Leased: drains, health and counters of a forwarder; written at its own pace. */
  status: (site: string, forwarder: string) => `report/${site}/${forwarder}/status`,
  /** Leased: load balancers of a site that somebody watches at one control plane. */
  watched: (site: string, plane: string) => `watched/${site}/${plane}`,
  allWatched: 'watched/',
  /** Leased: what a forwarder counts of these, about once a second. */
  traffic: (site: string, forwarder: string) => `traffic/${site}/${forwarder}`,
  allTraffic: 'traffic/',
  reports: (site: string) => `report/${site}/`,
  allReports: 'report/',
  /** What load balancers of a bucket did in one minute on one forwarder. Written once. */
  minute: (site: string, bucket: number, minute: string, forwarder: string, part: string) =>
    `minute/${site}/${bucket}/${minute}/${forwarder}/${part}`,
  minutes: (site: string, bucket: number) => `minute/${site}/${bucket}/`,
  allMinutes: 'minute/',
  clientToken: (account: string, token: string) =>
    `token/${account}/${Buffer.from(token).toString('hex')}`,
  clientTokens: (account: string) => `token/${account}/`,
  audit: (time: string, requestId: string) => `audit/${time}/${requestId}`,
  /** Which records of the audit log follow which, from the first seal on. */
  auditSeal: (number: number) => `audit-seal/${String(number).padStart(12, '0')}`,
  auditSeals: 'audit-seal/',
  /** The newest seal. */
  auditHead: 'audit-head',
  /** The last seal that has been pruned. */
  auditAnchor: 'audit-anchor',
  freeze: 'setting/freeze',
  /** What proves the audit log, sealed, once it is no longer that of the master key. */
  auditSecret: 'secret/audit',
} as const;
