import { z } from 'zod';
import { deleteListener, runListener } from '../../elb/listeners.ts';
import type { Listener, Protocol } from '../../elb/types.ts';
import { limits } from '../../limits.ts';
import type { Call } from '../call.ts';
import { defineAction } from './action.ts';
import { runErrors, setErrors } from './documented-errors.ts';
import { label, listenerPort, listenerProtocol, loadBalancerId, nothing } from './fields.ts';
import { listenerAction, listenerName } from './listener-fields.ts';
import { type ListenerStatus, listenerStatuses } from './listener-status.ts';
import { shownBackendPort } from './listener-views.ts';
import { pageOf, pageOutput, paging } from './paging.ts';

const input = z.object({ ...listenerName, ListenerProtocol: listenerProtocol });

function nameOf(wanted: z.infer<typeof input>) {
  const { ListenerPort: port, ListenerProtocol: protocol } = wanted;
  return protocol === undefined ? { port } : { port, protocol };
}

/** Start and Stop differ in one word. */
function runAction(name: string, running: boolean, summary: string) {
  return defineAction({
    name,
    ...listenerAction,
    access: 'update',
    summary,
    input,
    output: nothing,
    errors: runErrors,
    async run(wanted, call) {
      await call.changeLoadBalancer(wanted.LoadBalancerId, (current) => ({
        next: runListener(current, nameOf(wanted), running),
      }));
      return {};
    },
  });
}

export const StartLoadBalancerListener = runAction(
  'StartLoadBalancerListener',
  true,
  'Starts a listener; a running one stays as it is.',
);

export const StopLoadBalancerListener = runAction(
  'StopLoadBalancerListener',
  false,
  'Stops a listener: it takes no new connections. A stopped one stays as it is.',
);

async function remove(call: Call, id: string, port: number, protocol?: Protocol) {
  const name = protocol === undefined ? { port } : { port, protocol };
  await call.changeLoadBalancer(id, (current) => ({ next: deleteListener(current, name) }));
  return {};
}

export const DeleteLoadBalancerListener = defineAction({
  name: 'DeleteLoadBalancerListener',
  ...listenerAction,
  access: 'delete',
  summary: 'Deletes a listener, running or stopped.',
  input,
  output: nothing,
  errors: runErrors,
  run: (wanted, call) =>
    remove(call, wanted.LoadBalancerId, wanted.ListenerPort, wanted.ListenerProtocol),
});

/** Known to Terraform's HTTP listener alone. */
export const DeleteLoadBalancerHTTPListener = defineAction({
  name: 'DeleteLoadBalancerHTTPListener',
  ...listenerAction,
  access: 'delete',
  summary: 'Deletes an HTTP listener, running or stopped.',
  input: z.object(listenerName),
  output: nothing,
  errors: setErrors,
  run: (wanted, call) => remove(call, wanted.LoadBalancerId, wanted.ListenerPort, 'http'),
});

const listed = z.object({
  LoadBalancerId: z.string(),
  ListenerPort: z.string(),
  Protocol: z.string(),
  Status: z.string(),
  BackendServerPort: z.int(),
  CreateTime: z.string(),
  Description: z.string().optional(),
  ListenerForward: z.string().optional(),
  ForwardPort: z.string().optional(),
});

function listedOf(
  loadBalancerId: string,
  listener: Listener,
  status: ListenerStatus,
): z.infer<typeof listed> {
  const canForward = listener.protocol === 'http' || listener.protocol === 'https';
  const forward = canForward ? listener.forwardPort : undefined;
  return {
    LoadBalancerId: loadBalancerId,
    ListenerPort: String(listener.port),
    Protocol: listener.protocol,
    Status: status.toLowerCase(),
    BackendServerPort: shownBackendPort(listener),
    CreateTime: listener.createTime,
    ...(listener.description === undefined ? {} : { Description: listener.description }),
    ...(canForward ? { ListenerForward: forward === undefined ? 'off' : 'on' } : {}),
    ...(forward === undefined ? {} : { ForwardPort: String(forward) }),
  };
}

export const DescribeLoadBalancerListeners = defineAction({
  name: 'DescribeLoadBalancerListeners',
  ...listenerAction,
  access: 'list',
  summary: 'Lists the listeners of a load balancer.',
  input: z.object({
    LoadBalancerId: loadBalancerId,
    ListenerPort: listenerPort.optional(),
    Description: label(1, 80).optional().describe('Only listeners with exactly this description.'),
    // No less than a load balancer may have: a client that does not page sees all of them.
    ...paging({ min: 1, max: 100, default: limits.listenersPerLoadBalancer }),
  }),
  output: z.object({ Listeners: z.object({ Listener: z.array(listed) }), ...pageOutput }),
  errors: [
    'LoadBalancerNotFound',
    'ens.interface.error',
    'NoPermission',
    'Missing%s',
    'Invalid%s',
    'InvalidParameter.%s',
  ],
  async run(wanted, call) {
    const stored = await call.loadBalancer(wanted.LoadBalancerId);
    const found = stored.value.listeners.filter(
      (listener) =>
        (wanted.ListenerPort === undefined || listener.port === wanted.ListenerPort) &&
        (wanted.Description === undefined || listener.description === wanted.Description),
    );
    const { items, ...page } = await pageOf(found, wanted);
    const statusOf = await listenerStatuses(stored, call);
    const Listener = items.map((each) => listedOf(stored.value.id, each, statusOf(each)));
    return { Listeners: { Listener }, ...page };
  },
});

export const listenerActions = [
  StartLoadBalancerListener,
  StopLoadBalancerListener,
  DeleteLoadBalancerListener,
  DeleteLoadBalancerHTTPListener,
  DescribeLoadBalancerListeners,
];
