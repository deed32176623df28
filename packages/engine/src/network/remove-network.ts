import { EngineError, shortId } from '@gantry/base';
import { bridgeMark, bridgeRules } from './bridge.ts';
import { parseBridgeOptions } from './bridge-options.ts';
import type { NetworkContext } from './context.ts';
import { getNetwork, isPredefined } from './find-network.ts';
import type { NetworkRecord } from './types.ts';

/**
 * Removes a network that no running container is on. Stopped ones keep their attachment and fail to start.
 *
 * @throws not-found, denied with Docker's texts
 */
export function removeNetwork(context: NetworkContext, ref: string): void {
  const network = planNetworkRemoval(context, ref);
  context.deps.db.tx(() => {
    context.store.deleteNetwork(network.id);
    context.deps.events.record('network', 'destroy', network.id, { name: network.name, type: network.driver });
  });
  context.networks.delete(network.id);
  context.addresses.removeNetwork(network.id);
  dropBridge(context, network);
}

/** Decides whether `removeNetwork` may, and changes nothing. @returns what it would remove @throws what it throws */
export function planNetworkRemoval(context: NetworkContext, ref: string): NetworkRecord {
  const network = getNetwork(context, ref);
  if (isPredefined(network.name))
    throw new EngineError('denied', `${network.name} is a pre-defined network and cannot be removed`);
  const active = context.store.endpointsOfNetwork(network.id).filter(({ endpointId }) => endpointId !== '');
  if (active.length === 0) return network;
  const names = active.map((e) => `name:"${e.containerName}" id:"${shortId(e.endpointId)}"`).join(', ');
  throw new EngineError(
    'denied',
    `error while removing network: network ${network.name} has active endpoints (${names})`,
    { hint: `disconnect them first: network disconnect ${network.name} ${active[0]?.containerName}` },
  );
}

function dropBridge(context: NetworkContext, network: NetworkRecord): void {
  const options = parseBridgeOptions(network);
  context.bridges.delete(network.id);
  context.firewall.removeBridge(bridgeRules(network, options));
  // A bridge that was there before us has no mark of ours and stays.
  if (context.links.find(options.bridgeName)?.alias === bridgeMark(context.deps.instance))
    context.links.deleteLink(options.bridgeName);
}

type Match = (network: NetworkRecord) => boolean;

/** Removes the networks that match and that nothing is attached to, running or not. @returns their names */
export function pruneNetworks(context: NetworkContext, match: Match): readonly string[] {
  const unused = unusedNetworks(context, match, []);
  for (const { id } of unused) removeNetwork(context, id);
  return unused.map(({ name }) => name);
}

/** What `pruneNetworks` would remove once the containers `dropped` are gone. Nothing is changed. @returns names */
export function planNetworkPrune(context: NetworkContext, match: Match, dropped: readonly string[]): readonly string[] {
  return unusedNetworks(context, match, dropped).map(({ name }) => name);
}

function unusedNetworks(context: NetworkContext, match: Match, dropped: readonly string[]): readonly NetworkRecord[] {
  const gone = new Set(dropped);
  const isAttached = ({ id }: NetworkRecord): boolean =>
    context.store.endpointsOfNetwork(id).some(({ containerId }) => !gone.has(containerId));
  return [...context.networks.values()].filter(
    (network) => !isPredefined(network.name) && match(network) && !isAttached(network),
  );
}
