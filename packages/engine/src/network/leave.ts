import { messageOf } from '@gantry/base';
import type { NetworkContext } from './context.ts';
import { portRules } from './publish-ports.ts';
import type { Endpoint, ServedPort } from './store.ts';

/**
 * Gives back what a container's join took: addresses, ports, rules, names. Its links are not touched: they die with
 * its namespace. Nothing happens when it is not joined.
 */
export function leaveNetworks(context: NetworkContext, containerId: string): void {
  const { store, deps } = context;
  const endpoints = store.endpointsOfContainer(containerId).filter(({ endpointId }) => endpointId !== '');
  const ports = store.portsOfContainer(containerId);
  if (endpoints.length === 0 && ports.length === 0) return;
  deps.db.tx(() => {
    store.clearEndpoints(containerId);
    store.deletePorts(containerId);
    store.deleteJoined(containerId);
    for (const { networkId } of endpoints) {
      const network = context.networks.get(networkId);
      if (network === undefined) continue;
      const attributes = { container: containerId, name: network.name, type: network.driver };
      deps.events.record('network', 'disconnect', networkId, attributes);
    }
  });
  deps.db.afterCommit(() => giveBack(context, { containerId, endpoints, ports }));
}

type Taken = {
  readonly containerId: string;
  readonly endpoints: readonly Endpoint[];
  readonly ports: readonly ServedPort[];
};

function giveBack(context: NetworkContext, { containerId, endpoints, ports }: Taken): void {
  context.ports.release(containerId);
  context.dns.end(containerId);
  for (const { networkId, ipv4, ipv6 } of endpoints) {
    context.dns.drop(networkId, containerId);
    context.addresses.release(networkId, ipv4);
    context.addresses.release(networkId, ipv6);
  }
  try {
    context.firewall.removePorts(portRules(ports));
  } catch (error) {
    // What was booked stays booked: rules that lead nowhere are replaced at the next boot.
    context.deps.warn?.(`cannot remove the port rules of container "${containerId}": ${messageOf(error)}`);
  }
}
