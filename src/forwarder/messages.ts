import type { LoadBalancer } from '../elb/types.ts';
import type { WatchMessage } from '../fleet/protocol.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * One line of the stream or the journal.
 * @throws when it is not a message: torn, damaged, or of a version this forwarder does not know
 */
export function parseMessage(line: string): WatchMessage {
  const message: unknown = JSON.parse(line);
  if (!isFields(message) || typeof message.site !== 'string' || message.site === '') {
    throw new Error('not a message');
  }
  if (!wellFormed(message, message.site)) {
    throw new Error(`not a well-formed message: ${String(message.type)} of ${message.site}`);
  }
  return message as unknown as WatchMessage;
}

function wellFormed(message: Fields, site: string): boolean {
  switch (message.type) {
    case 'snapshot':
      return (
        isRevision(message.revision) &&
        typeof message.hash === 'string' &&
        isLoadBalancers(message.loadBalancers, site) &&
        isStrings(message.deleted) &&
        isCertificates(message.certificates)
      );
    case 'change':
      return (
        isRevision(message.base) &&
        isRevision(message.revision) &&
        isLoadBalancers(message.puts, site) &&
        isStrings(message.deletes) &&
        isCertificates(message.certificates)
      );
    case 'heartbeat':
      return (
        isRevision(message.revision) &&
        typeof message.hash === 'string' &&
        typeof message.frozen === 'boolean' &&
        (message.watched === undefined || isStrings(message.watched))
      );
    case 'release':
      return true;
    default:
      return false;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isRevision(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function isCertificates(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.every(isCertificate));
}

function isCertificate(value: unknown): boolean {
  if (!isFields(value) || !Number.isSafeInteger(value.notAfter)) return false;
  return isStrings([value.id, value.chain, value.key, value.sealedFor]);
}

/** The parts that are read here; an engine checks the texts it renders. */
function isLoadBalancers(value: unknown, site: string): value is readonly LoadBalancer[] {
  return Array.isArray(value) && value.every((each) => isLoadBalancer(each, site));
}

function isLoadBalancer(value: unknown, site: string): boolean {
  return (
    isFields(value) &&
    value.v === 1 &&
    value.site === site &&
    typeof value.id === 'string' &&
    Array.isArray(value.listeners) &&
    Array.isArray(value.backends) &&
    Array.isArray(value.draining)
  );
}
