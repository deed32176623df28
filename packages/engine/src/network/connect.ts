import { writeFileSync } from 'node:fs';
import { EngineError } from '@gantry/base';
import { parseIp } from '@gantry/net';
import type { EndpointConfig } from '../containers/types.ts';
import { insertEndpoint, refuseMixing } from './attach.ts';
import { parseBridgeOptions } from './bridge-options.ts';
import { readContainerFile } from './container-file.ts';
import type { NetworkContext } from './context.ts';
import { checkEndpointConfig } from './endpoint-config.ts';
import { gatewayOf } from './endpoint-record.ts';
import { getNetwork } from './find-network.ts';
import { announce, dnsOf, ownEntries } from './join.ts';
import { chooseGateway, type JoiningEndpoint, joinEndpoint, wireOf } from './join-endpoint.ts';
import { setDefaultRoute, wireLive } from './live-wire.ts';
import type { Endpoint } from './store.ts';
import type { JoinRequest, NetworkRecord } from './types.ts';

export type LiveContainer = { readonly id: string; readonly name: string; readonly pid: number | undefined };

export type Connection = {
  readonly network: string;
  readonly container: LiveContainer;
  readonly config: EndpointConfig;
};

/**
 * Attaches a container to one more network; into a running one the link goes at once.
 *
 * @throws not-found, denied (already attached), invalid, unavailable
 */
export async function connectNetwork(context: NetworkContext, connection: Connection): Promise<void> {
  const { container, config } = connection;
  const network = getNetwork(context, connection.network);
  const rows = context.store.endpointsOfContainer(container.id);
  const others = rows.flatMap((row) => context.networks.get(row.networkId) ?? []);
  checkEndpointConfig(network, config);
  const request = context.store.joinRequest(container.id);
  refuseConnection(network, { container, others, request });
  const position = Math.max(-1, ...rows.map((row) => row.position)) + 1;
  if (container.pid === undefined || request === undefined) {
    insertEndpoint(context, { container, network, config, position });
    return;
  }
  const wanted = { container, network, config, position, rows, request, pid: container.pid };
  const joined = connectLive(context, wanted);
  addOwnLines(context, request, joined);
  await refreshDns(context, { request, pid: container.pid });
}

function refuseConnection(
  network: NetworkRecord,
  {
    container,
    others,
    request,
  }: { container: LiveContainer; others: readonly NetworkRecord[]; request: JoinRequest | undefined },
): void {
  if (request?.networkMode.startsWith('container:') === true)
    throw new EngineError(
      'invalid',
      'container sharing network namespace with another container or host cannot be connected to any other network',
    );
  if (others.some(({ id }) => id === network.id))
    throw new EngineError('denied', `endpoint with name ${container.name} already exists in network ${network.name}`);
  const [main] = others;
  if (main !== undefined) refuseMixing(main, [network]);
}

type LiveConnection = {
  readonly container: LiveContainer;
  readonly network: NetworkRecord;
  readonly config: EndpointConfig;
  readonly position: number;
  readonly rows: readonly Endpoint[];
  readonly request: JoinRequest;
  readonly pid: number;
};

function connectLive(context: NetworkContext, live: LiveConnection): JoiningEndpoint {
  const { network, rows, request, pid } = live;
  const namespacePath = `/proc/${pid}/ns/net`;
  using undo = new DisposableStack();
  const container = { id: live.container.id, name: live.container.name, hostname: request.hostname };
  const row = newRow(live);
  const joined = joinEndpoint(context, { container, row, network, takenNames: rows.map((r) => r.interface) }, undo);
  if (joined.bridge === undefined) throw new Error('unreachable: only bridge networks are connected live');
  const role = { number: 0, gatewayFamilies: [], publishes: false };
  const wire = wireOf(context, { ...joined, bridge: joined.bridge }, role);
  undo.defer(() => context.links.deleteLink(wire.hostLink));
  wireLive(context.links, namespacePath, wire);
  context.deps.db.tx(() => {
    insertEndpoint(context, { container, network, config: live.config, position: live.position });
    context.store.updateEndpoint(joined.endpoint);
    const attributes = { container: container.id, name: network.name, type: network.driver };
    context.deps.events.record('network', 'connect', network.id, attributes);
  });
  undo.move();
  announce(context, joined);
  settleGateways(context, container.id, namespacePath);
  return joined;
}

const newRow = ({ container, network, config, position }: LiveConnection): Endpoint => ({
  containerId: container.id,
  containerName: container.name,
  networkId: network.id,
  position,
  config,
  endpointId: '',
  interface: '',
  mac: '',
  ipv4: '',
  ipv6: '',
  dnsNames: [],
});

/** The endpoints of a running container, as a join sees them. */
export function joinedOf(context: NetworkContext, containerId: string): JoiningEndpoint[] {
  return context.store.endpointsOfContainer(containerId).flatMap((endpoint): JoiningEndpoint[] => {
    const network = context.networks.get(endpoint.networkId);
    if (network === undefined || endpoint.endpointId === '') return [];
    return [{ endpoint, network, bridge: network.driver === 'bridge' ? parseBridgeOptions(network) : undefined }];
  });
}

/** Leads a running container's default routes to where its attachments of now want them. */
export function settleGateways(context: NetworkContext, containerId: string, namespacePath: string): void {
  const joined = joinedOf(context, containerId);
  for (const family of [4, 6] as const) {
    const gateway = chooseGateway(joined, family);
    const ip = gateway === undefined ? undefined : parseIp(gatewayOf(gateway.network, family));
    setDefaultRoute(namespacePath, family, ip);
  }
}

/** Lets the embedded DNS know the container's networks of now, and starts it with the first that needs it. */
export async function refreshDns(
  context: NetworkContext,
  { request, pid }: { readonly request: JoinRequest; readonly pid: number },
): Promise<void> {
  const { resolvConf, service } = dnsOf(context, request, joinedOf(context, request.containerId));
  const path = context.deps.filesOf(request.containerId).resolvConf;
  const current = readContainerFile(path);
  const serves = current.includes('nameserver 127.0.0.11\n');
  if (service === undefined) {
    context.dns.end(request.containerId);
    if (serves) writeFileSync(path, resolvConf);
    return;
  }
  if (serves) {
    context.dns.update(service);
    return context.dns.settled();
  }
  await context.dns.serve(service, pid);
  writeFileSync(path, resolvConf);
}

/** The hosts file is the container's own from its start on: lines are added and dropped, the rest is left alone. */
function addOwnLines(context: NetworkContext, request: JoinRequest, joined: JoiningEndpoint): void {
  const path = context.deps.filesOf(request.containerId).hosts;
  const lines = ownEntries(request, [joined]).map(({ address, names }) => `${address}\t${names.join(' ')}\n`);
  writeFileSync(path, lines.join(''), { flag: 'a' });
}

/** Drops the lines of addresses that the container no longer has. */
export function dropOwnLines(context: NetworkContext, containerId: string, addresses: readonly string[]): void {
  const path = context.deps.filesOf(containerId).hosts;
  const lines = readContainerFile(path).split('\n');
  writeFileSync(path, lines.filter((text) => !addresses.includes(text.split('\t')[0] ?? '')).join('\n'));
}
