import { existsSync } from 'node:fs';
import { isEngineError, messageOf } from '@gantry/base';
import { AddressBook } from './address-book.ts';
import { attachContainer, detachContainer, renameContainer } from './attach.ts';
import { bridgeRules, ensureBridge, linkPrefixOf } from './bridge.ts';
import { parseBridgeOptions } from './bridge-options.ts';
import { connectNetwork } from './connect.ts';
import type { NetworkContext, NetworkDeps } from './context.ts';
import { createNetwork } from './create-network.ts';
import { disconnectNetwork } from './disconnect.ts';
import { DnsClient } from './dns-client.ts';
import { endpointRecord } from './endpoint-record.ts';
import { getNetwork, isPredefined } from './find-network.ts';
import { Firewall } from './firewall.ts';
import { enableForwarding, enableIpv6Forwarding } from './forwarding.ts';
import { HostLinks, readSysctl } from './host-links.ts';
import { joinNetworks } from './join.ts';
import { leaveNetworks } from './leave.ts';
import { PortTable } from './port-table.ts';
import { ensurePredefined, refreshDefaultBridge } from './predefined.ts';
import { portRules } from './publish-ports.ts';
import { reconcileNetworks } from './reconcile.ts';
import { planNetworkPrune, planNetworkRemoval, pruneNetworks, removeNetwork } from './remove-network.ts';
import { serveDns } from './serve-dns.ts';
import { openNetworkStore } from './store.ts';
import type { NetworkRoom } from './types.ts';

export type { NetworkDeps } from './context.ts';
export { emptyEndpointConfig } from './endpoint-config.ts';
export type * from './types.ts';

/**
 * Opens the network room: reads the rows, makes the predefined networks at first boot, brings up bridges, and puts the
 * packet rules of everything known in place in one transaction.
 */
export function openNetworkRoom(deps: NetworkDeps): NetworkRoom {
  using opening = new DisposableStack();
  const context = opening.adopt(openContext(deps), closeContext);
  refreshDefaultBridge(context);
  for (const network of context.networks.values()) if (network.driver === 'bridge') restoreBridge(context, network.id);
  installRules(context);
  ensurePredefined(context);
  if ([...context.networks.values()].some(({ name }) => !isPredefined(name))) context.dns.warm();
  opening.move();
  return roomOf(context);
}

function openContext(deps: NetworkDeps): NetworkContext {
  const kernelHasIpv6 = existsSync('/proc/net/if_inet6');
  const store = openNetworkStore(deps.db);
  const networks = new Map(store.networks().map((network) => [network.id, network]));
  const addresses = new AddressBook(() => performance.now());
  for (const network of networks.values()) addresses.addNetwork(network);
  for (const { networkId, ipv4, ipv6 } of store.joinedEndpoints()) {
    addresses.claim(networkId, ipv4);
    addresses.claim(networkId, ipv6);
  }
  return {
    deps,
    store,
    links: new HostLinks(),
    firewall: new Firewall(deps.instance, kernelHasIpv6),
    ports: new PortTable(),
    addresses,
    dns: new DnsClient(),
    networks,
    bridges: new Map(),
    linkPrefix: linkPrefixOf(deps.instance),
    kernelHasIpv6,
    bridgesFilterIp: readSysctl('/proc/sys/net/bridge/bridge-nf-call-iptables') === '1',
  };
}

function closeContext({ links, firewall, ports, dns }: NetworkContext): void {
  dns[Symbol.dispose]();
  ports[Symbol.dispose]();
  firewall[Symbol.dispose]();
  links[Symbol.dispose]();
}

/** One network that cannot be brought up must not keep the engine from starting: its containers will fail by name. */
function restoreBridge(context: NetworkContext, id: string): void {
  const network = context.networks.get(id);
  if (network === undefined) return;
  try {
    ensureBridge(context, network);
  } catch (error) {
    if (!isEngineError(error)) throw error;
    context.deps.warn?.(`cannot bring up network "${network.name}": ${messageOf(error)}`);
  }
}

function installRules(context: NetworkContext): void {
  const bridged = [...context.networks.values()].filter(({ driver }) => driver === 'bridge');
  context.firewall.install({
    bridges: bridged.map((network) => bridgeRules(network, parseBridgeOptions(network))),
    ports: portRules(context.store.ports()),
    uplinks: enableForwarding(context),
  });
}

function roomOf(context: NetworkContext): NetworkRoom {
  const { store } = context;
  return {
    create: (request) => {
      const network = createNetwork(context, request);
      if (network.enableIpv6) enableIpv6Forwarding();
      context.dns.warm();
      return network;
    },
    remove: (ref) => removeNetwork(context, ref),
    planRemoval: (ref) => planNetworkRemoval(context, ref),
    planPrune: (match, dropped) => planNetworkPrune(context, match, dropped),
    get: (ref) => getNetwork(context, ref),
    list: () => [...context.networks.values()],
    prune: (match) => pruneNetworks(context, match),
    endpointsOfNetwork: (id) => store.endpointsOfNetwork(id).map((endpoint) => endpointRecord(context, endpoint)),
    endpointsOfContainer: (id) => store.endpointsOfContainer(id).map((endpoint) => endpointRecord(context, endpoint)),
    endpointsOfContainers: (ids) => {
      const records = store.endpointsOfContainers(ids).map((endpoint) => endpointRecord(context, endpoint));
      return Map.groupBy(records, ({ containerId }) => containerId);
    },
    portsOfContainer: (id) => store.portsOfContainer(id).filter(({ routed }) => !routed),
    attach: (container, endpoints) => attachContainer(context, container, endpoints),
    detachAll: (id) => detachContainer(context, id),
    join: async (request) => joinNetworks(context, request),
    serveDns: (id, pid) => serveDns(context, id, pid),
    leave: (id) => leaveNetworks(context, id),
    renamed: (id, name) => renameContainer(context, id, name),
    connect: (network, container, config) => connectNetwork(context, { network, container, config }),
    disconnect: (network, container) => disconnectNetwork(context, network, container),
    reconcile: (running) => reconcileNetworks(context, running),
    [Symbol.asyncDispose]: async () => {
      // Rules serve running containers, whether a daemon runs or not; without any they only cost every packet time.
      if (store.joinedContainers().length === 0) context.firewall.uninstall();
      closeContext(context);
    },
  };
}
