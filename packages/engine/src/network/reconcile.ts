import { messageOf } from '@gantry/base';
import { changeLink, MessageWriter } from '@gantry/net';
import { bridgeMark, hostLinkName } from './bridge.ts';
import { parseBridgeOptions } from './bridge-options.ts';
import type { NetworkContext } from './context.ts';
import { announce } from './join.ts';
import { leaveNetworks } from './leave.ts';
import { relayTarget } from './publish-ports.ts';
import { serveDns } from './serve-dns.ts';
import type { Endpoint, ServedPort } from './store.ts';

/**
 * Makes the world as the rows say, at boot: what is not running gives back what it had; what runs gets its host ports
 * held, its links on their bridges and its DNS answered again; links of ours that nobody owns go.
 *
 * Bridges and packet rules stand already: opening the room made them.
 */
export async function reconcileNetworks(
  context: NetworkContext,
  running: readonly { readonly id: string; readonly pid: number }[],
): Promise<void> {
  const alive = new Set(running.map(({ id }) => id));
  const joined = context.store.joinedEndpoints();
  const known = new Set([...context.store.joinedContainers(), ...joined.map(({ containerId }) => containerId)]);
  for (const { containerId } of context.store.ports()) known.add(containerId);
  for (const id of known) if (!alive.has(id)) leaveNetworks(context, id);
  const kept = joined.filter(({ containerId }) => alive.has(containerId));
  sweepLinks(context, kept);
  for (const endpoint of kept) restoreEndpoint(context, endpoint);
  for (const port of context.store.ports()) holdPort(context, port);
  await Promise.all(running.map(({ id, pid }) => restoreDns(context, id, pid)));
}

/** Links that carry our mark but are in no row: left by a start or a removal that a crash cut short. */
function sweepLinks(context: NetworkContext, kept: readonly Endpoint[]): void {
  const { instance } = context.deps;
  const bridges = new Set(
    [...context.networks.values()].flatMap((network) =>
      network.driver === 'bridge' ? [parseBridgeOptions(network).bridgeName] : [],
    ),
  );
  const ends = new Set(kept.map(({ endpointId }) => hostLinkName(context, endpointId)));
  for (const link of context.links.links()) {
    const strayBridge = link.kind === 'bridge' && link.alias === bridgeMark(instance) && !bridges.has(link.name);
    const strayEnd = link.kind === 'veth' && isHostLink(context, link.name) && !ends.has(link.name);
    if (strayBridge || strayEnd) context.links.deleteLink(link.name);
  }
}

const isHostLink = ({ linkPrefix }: NetworkContext, name: string): boolean =>
  name.startsWith(linkPrefix) && /^v[0-9a-f]{14}$/.test(name);

function restoreEndpoint(context: NetworkContext, endpoint: Endpoint): void {
  const network = context.networks.get(endpoint.networkId);
  if (network === undefined) return;
  announce(context, { endpoint, network });
  const bridge = context.bridges.get(network.id);
  if (bridge === undefined) return;
  const name = hostLinkName(context, endpoint.endpointId);
  const link = context.links.find(name);
  if (link === undefined || link.master === bridge) return;
  // The bridge was removed and made anew under a running container.
  const writer = new MessageWriter();
  changeLink(writer, { name, master: bridge, up: true });
  context.links.request(`join bridge of network "${network.name}"`, writer.finish());
}

/** A port whose number somebody else took while no daemon held it still works by its rules; that is worth a warning. */
function holdPort(context: NetworkContext, port: ServedPort): void {
  if (port.routed) return;
  try {
    context.ports.take(port.containerId, { ...port, relayTo: relayTarget(port) });
  } catch (error) {
    context.deps.warn?.(`cannot hold port ${port.hostPort}/${port.protocol} again: ${messageOf(error)}`);
  }
}

async function restoreDns(context: NetworkContext, id: string, pid: number): Promise<void> {
  try {
    await serveDns(context, id, pid);
  } catch (error) {
    context.deps.warn?.(`cannot serve DNS to container "${id}" again: ${messageOf(error)}`);
  }
}
