import { createHash } from 'node:crypto';
import { type Cidr, macOfIp, parseCidr, parseIp } from '@gantry/net';
import { type BridgeOptions, parseBridgeOptions } from './bridge-options.ts';
import type { NetworkContext } from './context.ts';
import type { WantedBridge } from './host-links.ts';
import type { BridgeRules } from './ruleset.ts';
import type { NetworkRecord } from './types.ts';

/** The note on our bridges: by it, and by no name, a bridge is known as this engine's. */
export function bridgeMark(instance: string): string {
  return `gantry ${instance}`;
}

/** The start of all names of this engine's host links: five hexadecimal digits tell engines apart. */
export function linkPrefixOf(instance: string): string {
  return `v${createHash('sha256').update(instance).digest('hex').slice(0, 5)}`;
}

/** The host's end of an endpoint: fifteen characters, all that a link's name can have. */
export function hostLinkName({ linkPrefix }: Pick<NetworkContext, 'linkPrefix'>, endpointId: string): string {
  return linkPrefix + endpointId.slice(0, 9);
}

/** The addresses of a network's bridge: its gateways. An isolated or inhibited family has none. */
export function bridgeAddresses(network: NetworkRecord, options: BridgeOptions): Cidr[] {
  return network.ipam.pools.flatMap((pool) => {
    const subnet = parseCidr(pool.subnet);
    const gateway = parseIp(pool.gateway);
    if (subnet === undefined || gateway === undefined) return [];
    const mode = gateway.family === 4 ? options.gatewayMode.ipv4 : options.gatewayMode.ipv6;
    if (mode === 'isolated' || (gateway.family === 4 && options.inhibitIpv4)) return [];
    return [{ address: gateway, prefix: subnet.prefix }];
  });
}

/** What the rules need to know about a network. */
export function bridgeRules(network: NetworkRecord, options: BridgeOptions): BridgeRules {
  const natOnly = options.gatewayMode.ipv4 !== 'routed';
  return {
    bridge: options.bridgeName,
    internal: network.internal,
    interContainer: options.interContainer,
    masquerade: options.masquerade && !network.internal && natOnly,
    unprotected: options.gatewayMode.ipv4 === 'nat-unprotected' && !network.internal,
  };
}

function wantedBridge(context: NetworkContext, network: NetworkRecord, options: BridgeOptions): WantedBridge {
  const addresses = bridgeAddresses(network, options);
  const [first] = addresses;
  // The MAC follows the address, so that a bridge made again after a reboot is the same one to its containers.
  const fallback = Uint8Array.of(0x02, 0x42, ...Buffer.from(network.id.slice(0, 8), 'hex'));
  return {
    name: options.bridgeName,
    mac: first === undefined ? fallback : macOfIp(first.address),
    mtu: options.mtu,
    addresses,
    enableIpv6: network.enableIpv6,
    alias: bridgeMark(context.deps.instance),
  };
}

/** Makes or mends the link of a bridge network. @returns whether it had to be made */
export function ensureBridge(context: NetworkContext, network: NetworkRecord): boolean {
  const wanted = wantedBridge(context, network, parseBridgeOptions(network));
  const { index, made } = context.links.ensureBridge(wanted);
  context.bridges.set(network.id, index);
  return made;
}
