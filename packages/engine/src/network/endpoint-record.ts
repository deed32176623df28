import { type AddressPool, formatIp, parseIp } from '@gantry/net';
import type { NetworkContext } from './context.ts';
import type { Endpoint } from './store.ts';
import type { EndpointRecord, NetworkRecord } from './types.ts';

/** The gateway of a network's family as containers get it; empty on internal networks. */
export function gatewayOf(network: NetworkRecord, family: 4 | 6): string {
  if (network.internal) return '';
  const pool = network.ipam.pools.find(({ subnet }) => subnet.includes(':') === (family === 6));
  const gateway = parseIp(pool?.gateway ?? '');
  return gateway === undefined ? '' : formatIp(gateway);
}

/** An attachment as inspect shows it. */
export function endpointRecord(context: NetworkContext, endpoint: Endpoint): EndpointRecord {
  const network = context.networks.get(endpoint.networkId);
  const ipv4 = endpoint.ipv4 === '' ? undefined : context.addresses.pool(endpoint.networkId, 4);
  const ipv6 = endpoint.ipv6 === '' ? undefined : context.addresses.pool(endpoint.networkId, 6);
  const gateway = (pool: AddressPool | undefined): string =>
    pool === undefined || network === undefined ? '' : gatewayOf(network, pool.subnet.address.family);
  return {
    networkId: endpoint.networkId,
    // A network that is gone is shown by its ID, as it is what the container's start will complain about.
    networkName: network?.name ?? endpoint.networkId,
    endpointId: endpoint.endpointId,
    containerId: endpoint.containerId,
    config: endpoint.config,
    macAddress: endpoint.mac,
    ipv4Address: endpoint.ipv4,
    ipv4PrefixLength: ipv4?.subnet.prefix ?? 0,
    gateway: gateway(ipv4),
    ipv6Address: endpoint.ipv6,
    ipv6PrefixLength: ipv6?.subnet.prefix ?? 0,
    ipv6Gateway: gateway(ipv6),
    dnsNames: endpoint.dnsNames,
  };
}
