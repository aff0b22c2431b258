import { Refusal } from './refusal.ts';
import type { Listener, LoadBalancer, Protocol } from './types.ts';

/** How a call names a listener: without a protocol the port alone must tell. */
export interface ListenerName {
  readonly port: number;
  readonly protocol?: Protocol;
}

/**
 * The listener that a call means.
 * @throws Refusal ListenerNotFound; TooManyListeners when the port has a TCP and a UDP listener
 *   and no protocol was said
 */
export function findListener(current: LoadBalancer, { port, protocol }: ListenerName): Listener {
  const found = current.listeners.filter(
    (listener) =>
      listener.port === port && (protocol === undefined || listener.protocol === protocol),
  );
  if (found.length > 1) throw new Refusal('TooManyListeners');
  if (found[0] === undefined) throw new Refusal('ListenerNotFound');
  return found[0];
}

/** TCP and UDP may share a port; HTTP and HTTPS take it whole. */
function collides(a: Protocol, b: Protocol): boolean {
  const shares = (protocol: Protocol) => protocol === 'tcp' || protocol === 'udp';
  return a === b || !shares(a) || !shares(b);
}

/**
 * Adds a listener, stopped.
 * @param most listeners a load balancer may have
 * @throws Refusal ListenerAlreadyExists; ens.interface.error when there are too many, or a
 *   redirect names a port without a listener; InvalidParameter.ForwardPort when that is not HTTPS
 */
export function createListener(
  current: LoadBalancer,
  listener: Listener,
  most: number,
): LoadBalancer {
  const taken = current.listeners.some(
    (other) => other.port === listener.port && collides(other.protocol, listener.protocol),
  );
  if (taken) throw new Refusal('ListenerAlreadyExists');
  if (current.listeners.length >= most) {
    throw new Refusal(
      'ens.interface.error',
      undefined,
      `A load balancer has at most ${most} listeners.`,
    );
  }
  checkTarget(current, forwardPortOf(listener));
  return { ...current, listeners: [...current.listeners, listener] };
}

function forwardPortOf(listener: Listener): number | undefined {
  return 'forwardPort' in listener ? listener.forwardPort : undefined;
}

/** A redirect leads to https: its target is an HTTPS listener that exists. */
function checkTarget({ listeners }: LoadBalancer, target: number | undefined): void {
  if (target === undefined) return;
  const there = listeners.filter(({ port }) => port === target);
  if (there[0] === undefined) {
    throw new Refusal('ens.interface.error', undefined, `No listener on port ${target}.`);
  }
  if (there.some(({ protocol }) => protocol === 'https')) return;
  const detail = `The listener on port ${target} is ${there[0].protocol}, not https.`;
  throw new Refusal('InvalidParameter.%s', 'ForwardPort', detail);
}

/**
 * Replaces a listener by what `edit` makes of it; port and protocol stay.
 * @throws Refusal as findListener
 */
export function editListener(
  current: LoadBalancer,
  name: ListenerName,
  edit: (listener: Listener) => Listener,
): LoadBalancer {
  const found = findListener(current, name);
  const edited = edit(found);
  if (JSON.stringify(edited) === JSON.stringify(found)) return current;
  return {
    ...current,
    listeners: current.listeners.map((listener) => (listener === found ? edited : listener)),
  };
}

/** Starts or stops a listener; done already is success. */
export function runListener(
  current: LoadBalancer,
  name: ListenerName,
  running: boolean,
): LoadBalancer {
  return editListener(current, name, (listener) => ({ ...listener, running }));
}

/**
 * Deletes a listener, running or stopped.
 * @throws Refusal as findListener; IncorrectListenerStatus while another one redirects to it
 */
export function deleteListener(current: LoadBalancer, name: ListenerName): LoadBalancer {
  const found = findListener(current, name);
  const source =
    found.protocol === 'https' &&
    current.listeners.find((each) => forwardPortOf(each) === found.port);
  if (source) {
    const detail = `${source.protocol}:${source.port} redirects to it: delete that one first.`;
    throw new Refusal('IncorrectListenerStatus', undefined, detail);
  }
  return { ...current, listeners: current.listeners.filter((listener) => listener !== found) };
}
