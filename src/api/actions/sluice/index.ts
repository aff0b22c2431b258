import { CreateAccount, ListAccounts } from './accounts.ts';
import { DescribeAuditRecords } from './audit.ts';
import { ExportAuditEvents, VerifyAuditRecords } from './audit-trail.ts';
import { ExplainAuthorization } from './authorization.ts';
import { CreateConsoleTicket } from './console.ts';
import { CutDrain, DescribeDrains } from './drains.ts';
import { DeregisterForwarder, DescribeForwarders, RegisterForwarder } from './forwarders.ts';
import { DeregisterInstance, RegisterInstance } from './instances.ts';
import { WatchLoadBalancer, WatchLoadBalancers } from './live.ts';
import { ListLoadBalancers } from './load-balancers.ts';
import { DescribeFreeze, DescribeRollouts, SetFreeze } from './rollouts.ts';
import { DescribeSites, RegisterSite, SetSiteIsolation } from './sites.ts';
import { ReportSite, WatchSite } from './watch.ts';

/** What ENS has no action for. */
export const sluiceActions = [
  RegisterSite,
  SetSiteIsolation,
  DescribeSites,
  RegisterInstance,
  DeregisterInstance,
  RegisterForwarder,
  DeregisterForwarder,
  DescribeForwarders,
  WatchSite,
  ReportSite,
  ListLoadBalancers,
  WatchLoadBalancer,
  WatchLoadBalancers,
  DescribeRollouts,
  DescribeDrains,
  CutDrain,
  SetFreeze,
  DescribeFreeze,
  DescribeAuditRecords,
  CreateAccount,
  ListAccounts,
  ExplainAuthorization,
  ExportAuditEvents,
  VerifyAuditRecords,
  CreateConsoleTicket,
];
