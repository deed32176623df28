import { EngineError } from '@gantry/base';
import { hostLinkName } from './bridge.ts';
import { dropOwnLines, type LiveContainer, refreshDns, settleGateways } from './connect.ts';
import type { NetworkContext } from './context.ts';
import { getNetwork } from './find-network.ts';
import { portRules } from './publish-ports.ts';
import type { Endpoint } from './store.ts';
import type { NetworkRecord } from './types.ts';

/**
 * Takes a container off a network; out of a running one the link goes at once, with the ports published through it.
 *
 * @throws not-found, invalid, internal `container x is not connected to network y`
 */
export async function disconnectNetwork(context: NetworkContext, ref: string, container: LiveContainer): Promise<void> {
  const network = getNetwork(context, ref);
  const endpoint = context.store.endpointsOfContainer(container.id).find((row) => row.networkId === network.id);
  if (endpoint === undefined)
    throw new EngineError('internal', `container ${container.id} is not connected to network ${network.name}`);
  if (network.driver === 'host')
    throw new EngineError(
      'invalid',
      'cannot disconnect container from host network - container was created in host network mode',
    );
  if (container.pid === undefined || endpoint.endpointId === '') {
    context.store.deleteEndpoint(container.id, network.id);
    return;
  }
  disconnectLive(context, network, endpoint);
  const request = context.store.joinRequest(container.id);
  if (request === undefined) return;
  settleGateways(context, container.id, `/proc/${container.pid}/ns/net`);
  dropOwnLines(context, container.id, addressesOf(endpoint));
  await refreshDns(context, { request, pid: container.pid });
}

const addressesOf = ({ ipv4, ipv6 }: Endpoint): string[] => [ipv4, ipv6].filter((address) => address !== '');

function disconnectLive(context: NetworkContext, network: NetworkRecord, endpoint: Endpoint): void {
  const { containerId } = endpoint;
  const addresses = addressesOf(endpoint);
  const ports = context.store.portsOfContainer(containerId);
  const lost = ports.filter(({ target }) => addresses.includes(target));
  context.links.deleteLink(hostLinkName(context, endpoint.endpointId));
  context.firewall.removePorts(portRules(lost));
  for (const port of lost) context.ports.drop(port);
  context.deps.db.tx(() => {
    context.store.deleteEndpoint(containerId, network.id);
    context.store.deletePorts(containerId);
    for (const port of ports) if (!lost.includes(port)) context.store.insertPort(port);
    const attributes = { container: containerId, name: network.name, type: network.driver };
    context.deps.events.record('network', 'disconnect', network.id, attributes);
  });
  context.dns.drop(network.id, containerId);
  for (const address of addresses) context.addresses.release(network.id, address);
}
