import { z } from 'zod';
import {
  addBackendServers,
  type NamedServer,
  removeBackendServers,
  setBackendServers,
} from '../../elb/backend-servers.ts';
import { canonicalAddress } from '../../elb/cidr.ts';
import { Refusal } from '../../elb/refusal.ts';
import type { BackendServer, Instance, LoadBalancer, ServerType } from '../../elb/types.ts';
import { limits } from '../../limits.ts';
import { keys } from '../../store/keys.ts';
import type { Call, LoadBalancerRule, Reads } from '../call.ts';
import { defineAction, documentedLimits } from './action.ts';
import { changeErrors } from './documented-errors.ts';
import { id, loadBalancerId, withDefaults } from './fields.ts';

const serverId = id.describe(
  'The instance ID of the backend server; for type eni the ID of the interface.',
);
const type = z
  .enum(['ens', 'eni'])
  .optional()
  .describe('ens: an ENS instance (default). eni: an elastic network interface.');
const ip = z
  .union([z.ipv4(), z.ipv6()])
  .optional()
  .describe('The IP address of the backend server; filled in from the instance when absent.');
const port = z
  .int()
  .min(0)
  .max(65_535)
  .optional()
  .describe("The backend port; 0 or absent: the listener's backend port.");
const weight = z
  .int()
  .min(0)
  .max(100)
  .default(100)
  .describe('0 to 100; 0 gets no new requests, those of persistent sessions included.');

/** How each of the three names a server. */
const serverFields = { ServerId: serverId, Type: type, Ip: ip };

/** A list of 1 to 20 servers, one JSON text on the wire. */
function servers<Shape extends z.ZodRawShape>(shape: Shape, verb: string) {
  return z
    .array(z.object(shape))
    .min(1)
    .max(limits.batch)
    .describe(`The backend servers to ${verb}, up to ${limits.batch} at a time.`);
}

/** The wrapped list of the three write actions; Port is an integer here. */
const output = z.object({
  BackendServers: z.object({
    BackendServer: z.array(
      z.object({
        ServerId: z.string(),
        Weight: z.int(),
        Type: z.string(),
        Ip: z.string(),
        Port: z.int(),
      }),
    ),
  }),
});

function attached({ backends }: LoadBalancer): z.infer<typeof output> {
  return {
    BackendServers: {
      BackendServer: backends.map((server) => ({
        ServerId: server.serverId,
        Weight: server.weight,
        Type: server.type,
        Ip: server.ip,
        Port: server.port,
      })),
    },
  };
}

/** The members that the three actions share. */
const backendAction = {
  product: 'Ens',
  output,
  errors: changeErrors,
  limits: documentedLimits,
} as const;

interface WireServer {
  readonly ServerId: string;
  readonly Type?: ServerType | undefined;
  readonly Ip?: string | undefined;
  readonly Port?: number | undefined;
}

function named({ ServerId, Type, Ip, Port }: WireServer): NamedServer {
  return {
    serverId: ServerId,
    ...(Type === undefined ? {} : { type: Type }),
    ...(Ip === undefined ? {} : { ip: addressOf(Ip) }),
    ...(Port === undefined ? {} : { port: Port }),
  };
}

function addressOf(ip: string): string {
  const address = canonicalAddress(ip);
  if (address === undefined) throw new Refusal('InvalidParameter.%s', 'Ip');
  return address;
}

interface Search {
  readonly call: Call;
  readonly reads: Reads;
  /** Takes the records of machines that somebody is about to forget. */
  readonly leaving: Map<string, Instance>;
}

/**
 * The server that an Add means, complete: its instance exists in the load balancer's network and
 * runs, and its address is one of the instance's.
 */
async function resolve(
  { call, reads, leaving }: Search,
  { site, networkId }: Pick<LoadBalancer, 'site' | 'networkId'>,
  { ServerId, Type = 'ens', Ip, Port = 0, Weight }: WireServer & { readonly Weight: number },
): Promise<BackendServer> {
  const instanceId = Type === 'ens' ? ServerId : await ownerOf(reads, ServerId);
  const key = instanceId === undefined ? undefined : keys.instance(instanceId);
  const instance = key === undefined ? undefined : (await reads.get<Instance>(key))?.value;
  if (key === undefined || instance?.account !== call.caller.account || instance.site !== site) {
    throw new Refusal('InvalidParameter.%s', 'ServerId', `${ServerId} is no server of ${site}.`);
  }
  if (instance.networkId !== networkId) {
    const detail = `${ServerId} is in ${instance.networkId}, the load balancer in ${networkId}.`;
    throw new Refusal('InvalidParameter.%s', 'ServerId', detail);
  }
  const { leaving: isLeaving, ...rest } = instance;
  if (isLeaving) leaving.set(key, rest);
  const { status } = instance;
  if (status !== 'Running') {
    throw new Refusal('IncorrectInstanceStatus', undefined, `${ServerId} is ${status}.`);
  }
  const addresses = addressesOf(instance, ServerId, Type);
  const ip = Ip === undefined ? addresses[0] : addressOf(Ip);
  if (ip === undefined || !addresses.includes(ip)) {
    throw new Refusal('InvalidParameter.%s', 'Ip', `${ServerId} has no address ${Ip}.`);
  }
  return { serverId: ServerId, type: Type, ip, port: Port, weight: Weight };
}

async function ownerOf(reads: Reads, interfaceId: string): Promise<string | undefined> {
  const found = await reads.get<{ instanceId: string }>(keys.networkInterface(interfaceId));
  return found?.value.instanceId;
}

/** Those of an instance, its own first, or the one of an interface. */
function addressesOf(instance: Instance, serverId: string, type: ServerType): string[] {
  const { privateIp, interfaces } = instance;
  const given =
    type === 'ens'
      ? [privateIp, ...interfaces.map((each) => each.privateIp)]
      : interfaces.filter(({ id }) => id === serverId).map((each) => each.privateIp);
  return given.map(addressOf);
}

export const AddBackendServers = defineAction({
  name: 'AddBackendServers',
  ...backendAction,
  access: 'create',
  summary: 'Adds backend servers to a load balancer.',
  description:
    'The servers get new connections as soon as the call answers, and none while their health ' +
    'checks fail. A server that is still draining comes back and its drain ends.',
  input: z.object({
    LoadBalancerId: loadBalancerId,
    BackendServers: servers(
      {
        ...withDefaults(serverFields, { Type: 'ens' }),
        Port: port,
        Weight: weight,
      },
      'add',
    ),
  }),
  async run({ LoadBalancerId, BackendServers }, call) {
    const { value: target } = await call.loadBalancer(LoadBalancerId);
    const most = limits.backendsPerLoadBalancer;
    const next = await call.changeLoadBalancerAfter(LoadBalancerId, async (reads) => {
      const wanted: BackendServer[] = [];
      // Written again, so that whoever is about to forget a machine comes too late.
      const leaving = new Map<string, Instance>();
      for (const server of BackendServers) {
        wanted.push(await resolve({ call, reads, leaving }, target, server));
      }
      const rule: LoadBalancerRule = (current) => ({
        next: addBackendServers(current, wanted, { now: call.now(), most }),
      });
      return { rule, puts: leaving };
    });
    return attached(next);
  },
});

export const RemoveBackendServers = defineAction({
  name: 'RemoveBackendServers',
  ...backendAction,
  access: 'update',
  summary: 'Removes backend servers.',
  description:
    'When the call answers 200, no new connection reaches the removed servers on any forwarder ' +
    'that x-sluice-applied counts; requests and connections in flight may finish until the drain ' +
    'deadline (x-sluice-drain-seconds). The answer lists the servers that remain.',
  input: z.object({
    LoadBalancerId: loadBalancerId,
    BackendServers: servers(
      {
        ...serverFields,
        Port: port,
        Weight: z.int().optional().describe('Accepted and ignored.'),
      },
      'remove',
    ),
  }),
  async run({ LoadBalancerId, BackendServers }, call) {
    const { action, requestId, extensions } = call;
    const { drainSeconds } = extensions;
    const unwanted = BackendServers.map(named);
    const next = await call.changeLoadBalancer(LoadBalancerId, (current) =>
      removeBackendServers(current, unwanted, {
        now: call.now(),
        action,
        requestId,
        ...(drainSeconds === undefined ? {} : { drainSeconds }),
        mostDraining: limits.drainingPerLoadBalancer,
      }),
    );
    return attached(next);
  },
});

export const SetBackendServers = defineAction({
  name: 'SetBackendServers',
  ...backendAction,
  access: 'update',
  summary: 'Sets the weights of backend servers.',
  description:
    'A server is named by its ID: all its entries change. Weight 0 takes no new connections, ' +
    'persistent ones included; existing ones go on.',
  input: z.object({
    LoadBalancerId: loadBalancerId,
    BackendServers: servers(
      {
        ...serverFields,
        Weight: weight,
      },
      'change',
    ),
  }),
  async run({ LoadBalancerId, BackendServers }, call) {
    const wanted = BackendServers.map((server) => ({ ...named(server), weight: server.Weight }));
    const next = await call.changeLoadBalancer(LoadBalancerId, (current) => ({
      next: setBackendServers(current, wanted),
    }));
    return attached(next);
  },
});

export const backendServerActions = [AddBackendServers, RemoveBackendServers, SetBackendServers];
