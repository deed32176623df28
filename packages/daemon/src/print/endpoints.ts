import { type EndpointSettingsWire, endpointConfig, isJsonObject, type NetworkSettingsWire } from '@gantry/api';
import type { ContainerView, EndpointRecord } from '@gantry/engine';
import { printPortMap } from './ports.ts';

function printEndpoint(endpoint: EndpointRecord, withNames: boolean): EndpointSettingsWire {
  const config = endpointConfig.print(endpoint.config);
  const asked = isJsonObject(config) ? config : {};
  const names = endpoint.dnsNames;
  return {
    IPAMConfig: asked.IPAMConfig ?? null,
    Links: endpoint.config.links.length === 0 ? null : endpoint.config.links,
    Aliases: endpoint.config.aliases.length === 0 ? null : endpoint.config.aliases,
    MacAddress: endpoint.macAddress,
    DriverOpts: Object.keys(endpoint.config.driverOpts).length === 0 ? null : endpoint.config.driverOpts,
    GwPriority: endpoint.config.gwPriority,
    NetworkID: endpoint.networkId,
    EndpointID: endpoint.endpointId,
    Gateway: endpoint.gateway,
    IPAddress: endpoint.ipv4Address,
    IPPrefixLen: endpoint.ipv4PrefixLength,
    IPv6Gateway: endpoint.ipv6Gateway,
    GlobalIPv6Address: endpoint.ipv6Address,
    GlobalIPv6PrefixLen: endpoint.ipv6PrefixLength,
    DNSNames: withNames && names.length > 0 ? names : null,
  };
}

/** `Networks`, by network name. Lists leave the DNS names out, as Docker's do. */
export function printEndpoints(
  endpoints: readonly EndpointRecord[],
  options: { withNames: boolean },
): Readonly<Record<string, EndpointSettingsWire>> {
  return Object.fromEntries(
    endpoints.map((endpoint) => [endpoint.networkName, printEndpoint(endpoint, options.withNames)]),
  );
}

/**
 * `NetworkSettings` of inspect. The members beside `Networks` are those of the default bridge, as before networks had
 * names; tools still read them.
 */
export function printNetworkSettings(view: ContainerView): NetworkSettingsWire {
  const running = view.status.kind === 'running' ? view.status : undefined;
  const networks = printEndpoints(view.endpoints, { withNames: true });
  const first = networks.bridge;
  const ports = { exposed: view.config.exposedPorts, published: view.ports };
  return {
    Bridge: '',
    SandboxID: running === undefined ? '' : view.id,
    SandboxKey: running === undefined ? '' : `/proc/${running.pid}/ns/net`,
    Ports: running === undefined ? {} : printPortMap(ports),
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: first?.EndpointID ?? '',
    Gateway: first?.Gateway ?? '',
    GlobalIPv6Address: first?.GlobalIPv6Address ?? '',
    GlobalIPv6PrefixLen: first?.GlobalIPv6PrefixLen ?? 0,
    IPAddress: first?.IPAddress ?? '',
    IPPrefixLen: first?.IPPrefixLen ?? 0,
    IPv6Gateway: first?.IPv6Gateway ?? '',
    MacAddress: first?.MacAddress ?? '',
    Networks: networks,
  };
}
