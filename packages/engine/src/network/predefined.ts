import { formatId } from '@gantry/base';
import { cidrsOverlap, formatCidr, formatIp, parseCidr, subnetOf } from '@gantry/net';
import { parseBridgeOptions } from './bridge-options.ts';
import type { NetworkContext } from './context.ts';
import { lockHostNetworks, makeNetwork, ownSubnets, poolSources } from './create-network.ts';
import { option } from './option-names.ts';
import { settlePools } from './settle-pools.ts';
import type { IpamPool, NetworkCreateRequest, NetworkRecord } from './types.ts';

/** Makes `bridge`, `host` and `none` at an engine's first boot. Their IDs are in the rows from then on. */
export function ensurePredefined(context: NetworkContext): void {
  const names = new Set([...context.networks.values()].map(({ name }) => name));
  if (!names.has('host')) insertPlain(context, 'host', 'host');
  if (!names.has('none')) insertPlain(context, 'none', 'null');
  if (!names.has('bridge')) makeNetwork(context, defaultBridge(context));
}

function insertPlain(context: NetworkContext, name: string, driver: string): void {
  const network: NetworkRecord = {
    id: formatId(context.deps.random(32)),
    name,
    driver,
    createdAt: context.deps.now(),
    internal: false,
    attachable: false,
    enableIpv4: true,
    enableIpv6: false,
    ipam: { driver: 'default', options: {}, pools: [] },
    options: {},
    labels: {},
  };
  context.store.insertNetwork(network);
  context.networks.set(network.id, network);
  context.addresses.addNetwork(network);
}

function defaultBridge(context: NetworkContext): NetworkCreateRequest {
  const pool = bipPool(context.deps.bip);
  return {
    name: 'bridge',
    driver: 'bridge',
    internal: false,
    attachable: false,
    enableIpv4: true,
    enableIpv6: false,
    ipam: { driver: 'default', options: {}, pools: pool === undefined ? [] : [pool] },
    options: defaultBridgeOptions(context),
    labels: {},
  };
}

function defaultBridgeOptions({ deps }: NetworkContext): Record<string, string> {
  return {
    [option.defaultBridge]: 'true',
    [option.interContainer]: 'true',
    [option.masquerade]: 'true',
    [option.hostBinding]: '0.0.0.0',
    [option.mtu]: '1500',
    ...deps.bridgeOptions,
    [option.bridgeName]: deps.bridgeName,
  };
}

function bipPool(bip: string): IpamPool | undefined {
  const cidr = parseCidr(bip);
  if (cidr === undefined) return undefined;
  return { subnet: formatCidr(subnetOf(cidr)), gateway: formatIp(cidr.address), ipRange: '', auxAddresses: {} };
}

/** Takes the daemon's settings of now into the network `bridge`, whose row keeps those of the last boot. */
export function refreshDefaultBridge(context: NetworkContext): void {
  const network = [...context.networks.values()].find(({ name }) => name === 'bridge');
  if (network === undefined) return;
  const current: NetworkRecord = { ...network, options: defaultBridgeOptions(context) };
  context.store.updateNetwork(current);
  context.networks.set(network.id, current);
  moveDefaultBridge(context, current);
}

/**
 * Moves the network `bridge` when its subnet is no longer to be had: another `--bip`, or a subnet that somebody took
 * while no engine of ours ran. Only while its link is not there, so nothing that runs loses its address.
 */
function moveDefaultBridge(context: NetworkContext, network: NetworkRecord): void {
  if (context.links.find(parseBridgeOptions(network).bridgeName) !== undefined) return;
  using _claim = lockHostNetworks();
  const wanted = bipPool(context.deps.bip);
  const subnet = parseCidr(network.ipam.pools[0]?.subnet ?? '');
  const hostSubnets = context.links.takenSubnets();
  const clashes = subnet === undefined || hostSubnets.some((taken) => cidrsOverlap(taken, subnet));
  const differs = wanted !== undefined && network.ipam.pools[0]?.gateway !== wanted.gateway;
  if (wanted === undefined ? !clashes : !differs) return;
  const request = { ...network, ipam: { ...network.ipam, pools: wanted === undefined ? [] : [wanted] } };
  const facts = { ownSubnets: ownSubnets(context, network.id), hostSubnets, sources: poolSources(context) };
  const moved: NetworkRecord = { ...network, ipam: { ...network.ipam, pools: settlePools(request, facts) } };
  context.store.updateNetwork(moved);
  context.networks.set(network.id, moved);
  context.addresses.addNetwork(moved);
}
