import { formatId } from '@gantry/base';
import { type Cidr, formatIp, formatMac, type IpAddress, macOfIp, parseIp, parseMac } from '@gantry/net';
import { hostLinkName } from './bridge.ts';
import { type BridgeOptions, parseBridgeOptions } from './bridge-options.ts';
import type { NetworkContext } from './context.ts';
import { dnsNamesOf, endpointSysctls } from './endpoint-config.ts';
import { gatewayOf } from './endpoint-record.ts';
import { option } from './option-names.ts';
import type { Endpoint } from './store.ts';
import type { NetworkRecord } from './types.ts';
import { firstIndex, type Wire } from './wire.ts';

/** An endpoint that has its addresses, before anything of the kernel's exists. */
export type JoiningEndpoint = {
  readonly endpoint: Endpoint;
  readonly network: NetworkRecord;
  /** undefined on `host` and `none`, which have no links of ours. */
  readonly bridge: BridgeOptions | undefined;
};

type Container = { readonly id: string; readonly name: string; readonly hostname: string };

/** Gives an endpoint its ID, name, MAC and addresses. What it takes goes on the undo stack. */
export function joinEndpoint(
  context: NetworkContext,
  joining: {
    readonly container: Container;
    readonly row: Endpoint;
    readonly network: NetworkRecord;
    /** Names of the container's other interfaces. */
    readonly takenNames: readonly string[];
  },
  undo: DisposableStack,
): JoiningEndpoint {
  const { container, row, network } = joining;
  const endpointId = formatId(context.deps.random(32));
  const { aliases } = row.config;
  const dnsNames = dnsNamesOf(network, { ...container, aliases });
  const named = { ...row, containerName: container.name, endpointId, dnsNames };
  if (network.driver !== 'bridge') return { endpoint: named, network, bridge: undefined };
  const bridge = parseBridgeOptions(network);
  const ipv4 = takeAddress(context, { network, family: 4, asked: row.config.ipv4Address }, undo);
  const ipv6 = takeAddress(context, { network, family: 6, asked: row.config.ipv6Address }, undo);
  const name = interfaceName(row.config.driverOpts[option.endpointInterface] ?? '', bridge, joining.takenNames);
  const endpoint: Endpoint = {
    ...named,
    interface: name,
    mac: macText(row.config.macAddress, ipv4 ?? ipv6),
    ipv4: ipv4 === undefined ? '' : formatIp(ipv4),
    ipv6: ipv6 === undefined ? '' : formatIp(ipv6),
  };
  return { endpoint, network, bridge };
}

type AddressWish = { readonly network: NetworkRecord; readonly family: 4 | 6; readonly asked: string };

function takeAddress(context: NetworkContext, wish: AddressWish, undo: DisposableStack): IpAddress | undefined {
  const { network, family } = wish;
  if (!(family === 4 ? network.enableIpv4 : network.enableIpv6)) return undefined;
  const ip = context.addresses.take(network, wish);
  undo.defer(() => context.addresses.release(network.id, formatIp(ip)));
  return ip;
}

function macText(asked: string, ip: IpAddress | undefined): string {
  const given = parseMac(asked);
  if (given !== undefined) return formatMac(given);
  return ip === undefined ? '' : formatMac(macOfIp(ip));
}

function interfaceName(asked: string, bridge: BridgeOptions, taken: readonly string[]): string {
  if (asked !== '') return asked;
  for (let number = 0; ; number++) {
    const name = `${bridge.interfacePrefix}${number}`;
    if (!taken.includes(name)) return name;
  }
}

/**
 * Which endpoint leads out, for one family: the highest priority, then the first network by name. Internal networks
 * lead nowhere.
 */
export function chooseGateway(joined: readonly JoiningEndpoint[], family: 4 | 6): JoiningEndpoint | undefined {
  const able = joined.filter(({ endpoint, network, bridge }) => {
    const address = family === 4 ? endpoint.ipv4 : endpoint.ipv6;
    return bridge !== undefined && address !== '' && gatewayOf(network, family) !== '';
  });
  const [first] = able.sort((a, b) => {
    const priority = b.endpoint.config.gwPriority - a.endpoint.config.gwPriority;
    return priority === 0 ? (a.network.name < b.network.name ? -1 : 1) : priority;
  });
  return first;
}

/** The endpoint as links and addresses. @param number 0 for the container's first link, and so on */
export function wireOf(
  context: NetworkContext,
  { endpoint, network, bridge }: JoiningEndpoint & { readonly bridge: BridgeOptions },
  role: { readonly number: number; readonly gatewayFamilies: readonly (4 | 6)[]; readonly publishes: boolean },
): Wire {
  const addresses = [endpoint.ipv4, endpoint.ipv6].flatMap((text): Cidr[] => {
    const address = parseIp(text);
    const pool = address === undefined ? undefined : context.addresses.pool(network.id, address.family);
    return address === undefined || pool === undefined ? [] : [{ address, prefix: pool.subnet.prefix }];
  });
  return {
    hostLink: hostLinkName(context, endpoint.endpointId),
    name: endpoint.interface,
    index: firstIndex + role.number,
    mac: parseMac(endpoint.mac) ?? new Uint8Array(6),
    mtu: bridge.mtu,
    bridge: bridgeIndex(context, network),
    addresses,
    gateways: role.gatewayFamilies.flatMap((family) => parseIp(gatewayOf(network, family)) ?? []),
    enableIpv6: network.enableIpv6,
    // A container that calls its own published port is answered through the port it asked by.
    hairpin: role.publishes,
    // Where frames between ports never meet the packet rules, the bridge itself keeps containers apart.
    isolated: !bridge.interContainer && !context.bridgesFilterIp,
    sysctls: endpointSysctls(endpoint.config, endpoint.interface),
  };
}

function bridgeIndex(context: NetworkContext, network: NetworkRecord): number {
  const index = context.bridges.get(network.id);
  if (index === undefined) throw new Error(`unreachable: network "${network.name}" has no bridge`);
  return index;
}
