import { formatTime, type IpamPoolWire, type NetworkContainerWire, type NetworkWire } from '@gantry/api';
import type { EndpointRecord, IpamPool, NetworkRecord } from '@gantry/engine';

function printPool(pool: IpamPool): IpamPoolWire {
  return {
    Subnet: pool.subnet,
    ...(pool.ipRange === '' ? {} : { IPRange: pool.ipRange }),
    ...(pool.gateway === '' ? {} : { Gateway: pool.gateway }),
    ...(Object.keys(pool.auxAddresses).length === 0 ? {} : { AuxiliaryAddresses: pool.auxAddresses }),
  };
}

function printMember(endpoint: EndpointRecord, containerName: string): NetworkContainerWire {
  const withPrefix = (address: string, bits: number): string => (address === '' ? '' : `${address}/${bits}`);
  return {
    Name: containerName,
    EndpointID: endpoint.endpointId,
    MacAddress: endpoint.macAddress,
    IPv4Address: withPrefix(endpoint.ipv4Address, endpoint.ipv4PrefixLength),
    IPv6Address: withPrefix(endpoint.ipv6Address, endpoint.ipv6PrefixLength),
  };
}

/** An attachment to show: those of containers that do not run are none. */
export type NetworkMember = { readonly endpoint: EndpointRecord; readonly containerName: string };

/** The document of one network; a list shows it without its members. */
export function printNetwork(network: NetworkRecord, members: readonly NetworkMember[]): NetworkWire {
  const isPredefined = ['bridge', 'host', 'none'].includes(network.name);
  const ipamOptions = network.ipam.options;
  return {
    Name: network.name,
    Id: network.id,
    Created: formatTime(network.createdAt),
    Scope: 'local',
    Driver: network.driver,
    EnableIPv4: network.enableIpv4,
    EnableIPv6: network.enableIpv6,
    IPAM: {
      Driver: network.ipam.driver,
      Options: isPredefined && Object.keys(ipamOptions).length === 0 ? null : ipamOptions,
      Config: network.ipam.pools.length === 0 ? null : network.ipam.pools.map(printPool),
    },
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: Object.fromEntries(
      members.map(({ endpoint, containerName }) => [endpoint.containerId, printMember(endpoint, containerName)]),
    ),
    Options: network.options,
    Labels: network.labels,
  };
}
