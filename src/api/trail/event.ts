import { isoSeconds } from '../../signing.ts';
import { versions } from '../actions/action.ts';
import type { LoggedRecord } from '../audit-log.ts';
import { userIdentity } from './identity.ts';
import { resourcesOf, siteOf } from './resources.ts';

/** An event as ActionTrail tells it; a type, so that it is a record of any members too. */
export type TrailEvent = ReturnType<typeof eventOf>;

/**
 * A record of the log in the shape of ActionTrail (gateway.md, section 12). What only Sluice
 * knows stands in additionalEventData: what allowed the call, the revision, before and after.
 */
export function eventOf({ value, revision }: LoggedRecord) {
  const { product, parameters, error, response, changes } = value;
  const site = siteOf(value);
  const resources = resourcesOf(value);
  return {
    eventId: value.requestId,
    eventVersion: '1',
    eventName: value.action,
    eventType: 'ApiCall',
    eventRW: value.rw,
    eventCategory: 'Management',
    eventTime: isoSeconds(Date.parse(value.time)),
    eventSource: value.host,
    serviceName: product,
    apiVersion: versions[product],
    ...(site === undefined ? {} : { acsRegion: site }),
    isGlobal: site === undefined,
    requestId: value.requestId,
    requestParameters: parameters,
    requestParameterJson: JSON.stringify(parameters),
    ...(response === undefined ? {} : { responseElements: response }),
    resourceType: Object.keys(resources).join(','),
    resourceName: Object.values(resources).flat().join(','),
    referencedResources: resources,
    sourceIpAddress: value.sourceIp,
    userAgent: value.userAgent,
    userIdentity: userIdentity(value),
    recipientAccountId: value.account,
    ...(error === undefined ? {} : { errorCode: error.code, errorMessage: error.message }),
    additionalEventData: {
      Scheme: value.secure ? 'https' : 'http',
      Time: value.time,
      DecidedBy: value.decidedBy,
      Revision: revision,
      ...(value.isDryRun ? { DryRun: true } : {}),
      ...(value.isCut ? { Truncated: true } : {}),
      ...(value.omitted === undefined ? {} : { OmittedCalls: value.omitted }),
      IgnoredServers: value.ignored,
      Changes: changes.map(({ key, before, after }) => ({
        Key: key,
        Before: before,
        After: after,
      })),
    },
  };
}
