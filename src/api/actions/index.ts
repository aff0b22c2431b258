import { type Action, versions } from './action.ts';
import { actiontrailActions } from './actiontrail/index.ts';
import { backendServerActions } from './backend-servers.ts';
import { casActions } from './cas/index.ts';
import { httpListenerActions } from './http-listeners.ts';
import { httpsListenerActions } from './https-listeners.ts';
import { instanceActions } from './instances.ts';
import { listenerActions } from './listeners.ts';
import { loadBalancerViewActions } from './load-balancer-views.ts';
import { loadBalancerActions } from './load-balancers.ts';
import { monitorActions } from './monitors.ts';
import { networkActions } from './networks.ts';
import { ramActions } from './ram/index.ts';
import { regionActions } from './regions.ts';
import { sluiceActions } from './sluice/index.ts';
import { stsActions } from './sts/index.ts';
import { tcpListenerActions } from './tcp-listeners.ts';
import { udpListenerActions } from './udp-listeners.ts';
import { vSwitchActions } from './vswitches.ts';

/** Every action of the API. Adding an action is adding its object to a list that stands here. */
export const actions: readonly Action[] = [
  ...loadBalancerActions,
  ...loadBalancerViewActions,
  ...backendServerActions,
  ...listenerActions,
  ...tcpListenerActions,
  ...udpListenerActions,
  ...httpListenerActions,
  ...httpsListenerActions,
  ...monitorActions,
  ...networkActions,
  ...vSwitchActions,
  ...regionActions,
  ...instanceActions,
  ...casActions,
  ...ramActions,
  ...stsActions,
  ...actiontrailActions,
  ...sluiceActions,
];

/** The actions by what a request names: `2017-11-10 RemoveBackendServers`. */
export const catalogue: ReadonlyMap<string, Action> = new Map(
  actions.map((action) => [`${versions[action.product]} ${action.name}`, action]),
);
