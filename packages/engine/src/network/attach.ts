import { EngineError } from '@gantry/base';
import type { EndpointConfig } from '../containers/types.ts';
import type { NetworkContext } from './context.ts';
import { checkEndpointConfig, dnsNamesOf, emptyEndpointConfig } from './endpoint-config.ts';
import { getNetwork, parseNetworkMode } from './find-network.ts';
import type { NetworkRecord } from './types.ts';

type Container = { readonly id: string; readonly name: string; readonly networkMode: string };

/**
 * Writes the rows of a new container's attachments: its network mode's network first, then the others by name. Runs
 * inside the caller's transaction.
 *
 * @throws not-found `network x not found`, invalid
 */
export function attachContainer(
  context: NetworkContext,
  container: Container,
  endpoints: Readonly<Record<string, EndpointConfig>>,
): void {
  const mode = parseNetworkMode(container.networkMode);
  if (mode.kind === 'container') return;
  const main = getNetwork(context, mode.kind === 'network' ? mode.ref : mode.kind);
  const others: [NetworkRecord, EndpointConfig][] = [];
  let mainConfig = emptyEndpointConfig;
  for (const [ref, config] of Object.entries(endpoints)) {
    const network = getNetwork(context, ref === 'default' ? 'bridge' : ref);
    if (network.id === main.id) mainConfig = config;
    else others.push([network, config]);
  }
  if (others.length > 0)
    refuseMixing(
      main,
      others.map(([network]) => network),
    );
  others.sort(([a], [b]) => (a.name < b.name ? -1 : 1));
  for (const [position, [network, config]] of [[main, mainConfig] as const, ...others].entries()) {
    checkEndpointConfig(network, config);
    insertEndpoint(context, { container, network, config, position });
  }
}

/** A container on the host's network, or on none, is on no other. @throws invalid */
export function refuseMixing(main: NetworkRecord, others: readonly NetworkRecord[]): void {
  if (main.driver === 'null' || others.some((network) => network.driver === 'null'))
    throw new EngineError(
      'invalid',
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
    );
  if (main.driver === 'host' || others.some((network) => network.driver === 'host'))
    throw new EngineError('invalid', 'container cannot be disconnected from host network or connected to host network');
}

export function insertEndpoint(
  context: NetworkContext,
  endpoint: {
    readonly container: Omit<Container, 'networkMode'>;
    readonly network: NetworkRecord;
    readonly config: EndpointConfig;
    readonly position: number;
  },
): void {
  const { container, network, config, position } = endpoint;
  const row = { containerId: container.id, containerName: container.name, networkId: network.id, position, config };
  context.store.insertEndpoint(row);
}

/** Drops a removed container's rows. Inside the caller's transaction. */
export function detachContainer(context: NetworkContext, containerId: string): void {
  context.store.deleteEndpoints(containerId);
}

/** Takes a new name into rows and DNS. Aliases that were asked for stay. */
export function renameContainer(context: NetworkContext, containerId: string, name: string): void {
  const request = context.store.joinRequest(containerId);
  context.store.renameEndpoints(containerId, name);
  if (request !== undefined) context.store.putJoined({ ...request, containerName: name });
  for (const endpoint of context.store.endpointsOfContainer(containerId)) {
    const network = context.networks.get(endpoint.networkId);
    if (network === undefined || endpoint.endpointId === '') continue;
    const { aliases } = endpoint.config;
    const names = dnsNamesOf(network, { id: containerId, name, hostname: request?.hostname ?? '', aliases });
    context.store.setDnsNames(endpoint, names);
    if (names.length > 0)
      context.dns.put({
        networkId: network.id,
        networkName: network.name,
        containerId,
        names,
        addresses: [endpoint.ipv4, endpoint.ipv6].filter((address) => address !== ''),
      });
  }
}
