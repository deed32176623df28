import { readFileSync } from 'node:fs';
import { EngineError, isEngineError, isErrno } from '@gantry/base';
import { formatIp } from '@gantry/net';
import { bridgeAddresses } from './bridge.ts';
import { type BridgeOptions, parseBridgeOptions } from './bridge-options.ts';
import type { NetworkContext } from './context.ts';
import type { DnsService } from './dns-protocol.ts';
import { endpointRecord } from './endpoint-record.ts';
import { getPredefined, isPredefined, parseNetworkMode } from './find-network.ts';
import { appendToHostsFile, formatHostsFile, type HostEntry, parseExtraHosts } from './hosts-file.ts';
import { chooseGateway, type JoiningEndpoint, joinEndpoint, wireOf } from './join-endpoint.ts';
import { wantedPorts } from './parse-ports.ts';
import { PortTakenError } from './port-table.ts';
import { portRules, publishPorts } from './publish-ports.ts';
import {
  embeddedResolvConf,
  hostResolvConf,
  parseResolvConf,
  plainResolvConf,
  type ResolvConf,
} from './resolv-conf.ts';
import type { ServedPort } from './store.ts';
import type { Joined, JoinRequest } from './types.ts';
import { wireActs } from './wire.ts';

/**
 * Takes what a start needs of the network: addresses, host ports and their rules, in one transaction of rows; and says
 * how the plan shall wire the namespace. No link is touched here.
 *
 * @throws EngineError with Docker's texts; nothing is taken then
 */
export function joinNetworks(context: NetworkContext, request: JoinRequest): Joined {
  const mode = parseNetworkMode(request.networkMode);
  switch (mode.kind) {
    case 'container':
      return joinOther(context, mode.ref);
    case 'host':
      return joinHost(context, request);
    case 'none':
    case 'network':
      try {
        return joinOwn(context, request);
      } catch (error) {
        if (!isEngineError(error)) throw error;
        const { code, hint, cause } = error;
        const message = `failed to set up container networking: ${error.message}`;
        throw new EngineError(code, message, hint === undefined ? { cause } : { hint, cause });
      }
  }
}

const nothing = { parentActs: [], childActs: [], endpoints: [], ports: [], needsDns: false } as const;

/** The hosts and resolv.conf of such a container are the other one's: both texts are empty. */
function joinOther(context: NetworkContext, ref: string): Joined {
  const other = context.deps.resolveContainer(ref);
  const pid = context.deps.pidOf(other.id);
  if (pid === undefined)
    throw new EngineError(
      'conflict',
      `cannot join network namespace of a non running container: container ${other.name} is not running`,
    );
  const path = `/proc/${pid}/ns/net`;
  return { ...nothing, namespace: { kind: 'path', path }, hostsFile: '', resolvConf: '' };
}

function joinHost(context: NetworkContext, request: JoinRequest): Joined {
  const extra = parseExtraHosts(request.extraHosts, () => hostGateways(context));
  using undo = new DisposableStack();
  const joined = joinRows(context, request, undo);
  commit(context, { request, joined, ports: [] });
  undo.move();
  return {
    ...nothing,
    namespace: { kind: 'host' },
    hostsFile: appendToHostsFile(readHostFile(context, 'hosts'), extra),
    resolvConf: hostResolvConf(hostDns(context), request),
    endpoints: joined.map(({ endpoint }) => endpointRecord(context, endpoint)),
  };
}

function joinOwn(context: NetworkContext, request: JoinRequest): Joined {
  const extra = parseExtraHosts(request.extraHosts, () => hostGateways(context));
  using undo = new DisposableStack();
  const joined = joinRows(context, request, undo);
  const gateways = { 4: chooseGateway(joined, 4), 6: chooseGateway(joined, 6) };
  const ports = publish(context, { request, gateways, joined }, undo);
  const bridged = joined.flatMap((one) => (one.bridge === undefined ? [] : [{ ...one, bridge: one.bridge }]));
  const wires = bridged.map((one, number) =>
    wireOf(context, one, {
      number,
      gatewayFamilies: ([4, 6] as const).filter((family) => gateways[family]?.network.id === one.network.id),
      publishes: ports.some(({ target }) => target === one.endpoint.ipv4 || target === one.endpoint.ipv6),
    }),
  );
  const dns = dnsOf(context, request, joined);
  commit(context, { request, joined, ports });
  undo.move();
  return {
    namespace: { kind: 'own' },
    ...wireActs(wires, context.kernelHasIpv6),
    hostsFile: formatHostsFile({ extra, links: linkEntries(context, joined), own: ownEntries(request, joined) }),
    resolvConf: dns.resolvConf,
    endpoints: joined.map(({ endpoint }) => endpointRecord(context, endpoint)),
    ports: ports.filter(({ routed }) => !routed),
    needsDns: dns.service !== undefined,
  };
}

/** Addresses and names for all attachments of the container. */
function joinRows(context: NetworkContext, request: JoinRequest, undo: DisposableStack): JoiningEndpoint[] {
  const container = { id: request.containerId, name: request.containerName, hostname: request.hostname };
  const joined: JoiningEndpoint[] = [];
  for (const row of context.store.endpointsOfContainer(request.containerId)) {
    const network = context.networks.get(row.networkId);
    if (network === undefined) throw new EngineError('not-found', `network ${row.networkId} not found`);
    const takenNames = joined.map(({ endpoint }) => endpoint.interface);
    joined.push(joinEndpoint(context, { container, row, network, takenNames }, undo));
  }
  return joined;
}

type Publishing = {
  readonly request: JoinRequest;
  readonly joined: readonly JoiningEndpoint[];
  readonly gateways: Readonly<Record<4 | 6, JoiningEndpoint | undefined>>;
};

function publish(context: NetworkContext, { request, gateways }: Publishing, undo: DisposableStack): ServedPort[] {
  const wanted = wantedPorts(request);
  const main = gateways[4] ?? gateways[6];
  if (wanted.length === 0 || main?.bridge === undefined) return [];
  undo.defer(() => context.ports.release(request.containerId));
  const ports = naming(main, () =>
    publishPorts(context, {
      containerId: request.containerId,
      wanted,
      ipv4: gateways[4]?.bridge && { address: gateways[4].endpoint.ipv4, mode: gateways[4].bridge.gatewayMode.ipv4 },
      ipv6: gateways[6]?.bridge && { address: gateways[6].endpoint.ipv6, mode: gateways[6].bridge.gatewayMode.ipv6 },
      hostBinding: main.bridge?.hostBinding ?? '',
    }),
  );
  const rules = portRules(ports);
  // Before the act: it is one transaction for each family, and the first may be in when the second fails.
  undo.defer(() => context.firewall.removePorts(rules));
  context.firewall.addPorts(rules);
  return ports;
}

/** Puts Docker's words before those of a port that cannot be had: clients look for the whole sentence. */
function naming<T>({ endpoint }: JoiningEndpoint, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof PortTakenError)) throw error;
    const where = `${endpoint.containerName} (${endpoint.endpointId})`;
    throw new EngineError(
      'internal',
      `driver failed programming external connectivity on endpoint ${where}: ${error.message}`,
    );
  }
}

function commit(
  context: NetworkContext,
  {
    request,
    joined,
    ports,
  }: { request: JoinRequest; joined: readonly JoiningEndpoint[]; ports: readonly ServedPort[] },
): void {
  const { store, deps } = context;
  deps.db.tx(() => {
    for (const { endpoint, network } of joined) {
      store.updateEndpoint(endpoint);
      deps.events.record('network', 'connect', network.id, {
        container: request.containerId,
        name: network.name,
        type: network.driver,
      });
    }
    for (const port of ports) store.insertPort(port);
    store.putJoined(request);
  });
  for (const { endpoint, network } of joined) announce(context, { endpoint, network });
}

/** Tells the embedded DNS about an endpoint that can be found by name. */
export function announce(
  context: NetworkContext,
  { endpoint, network }: Pick<JoiningEndpoint, 'endpoint' | 'network'>,
): void {
  if (endpoint.dnsNames.length === 0) return;
  context.dns.put({
    networkId: network.id,
    networkName: network.name,
    containerId: endpoint.containerId,
    names: endpoint.dnsNames,
    addresses: [endpoint.ipv4, endpoint.ipv6].filter((address) => address !== ''),
  });
}

/** The resolv.conf of a container, and how the embedded DNS serves it when it is on a user-defined network. */
export function dnsOf(
  context: NetworkContext,
  request: JoinRequest,
  joined: readonly Pick<JoiningEndpoint, 'endpoint' | 'network'>[],
): { readonly resolvConf: string; readonly service: DnsService | undefined } {
  const own = joined.filter(({ network }) => network.driver === 'bridge' && !isPredefined(network.name));
  if (own.length === 0) return { resolvConf: plainResolvConf(hostDns(context), request), service: undefined };
  const { text, upstreams } = embeddedResolvConf(hostDns(context), request);
  const service: DnsService = {
    containerId: request.containerId,
    viewer: {
      networkIds: own.map(({ network }) => network.id),
      links: Object.fromEntries(
        own
          .flatMap(({ endpoint }) => endpoint.config.links.map(parseLinkText))
          .map(({ alias, name }) => [alias.toLowerCase(), name]),
      ),
    },
    upstreams,
    mayForward: joined.some(({ network }) => network.driver === 'bridge' && !network.internal),
  };
  return { resolvConf: text, service };
}

/** Reads `name:alias` or `name`. */
export function parseLinkText(text: string): { readonly name: string; readonly alias: string } {
  const [name = '', alias = name] = text.split(':');
  return { name: name.replace(/^\//, ''), alias: alias.replace(/^.*\//, '') };
}

/** Links on the default bridge, where there is no DNS: lines of the hosts file. */
function linkEntries(context: NetworkContext, joined: readonly JoiningEndpoint[]): HostEntry[] {
  return joined
    .filter(({ network }) => network.name === 'bridge')
    .flatMap(({ endpoint, network }) =>
      endpoint.config.links.flatMap((text) => {
        const { name, alias } = parseLinkText(text);
        const target = context.store.endpointByName(name, network.id);
        const addresses = [target?.ipv4 ?? '', target?.ipv6 ?? ''].filter((address) => address !== '');
        const names = [alias, target?.containerId.slice(0, 12) ?? '', name];
        return addresses.map((address) => ({ address, names: [...new Set(names)] }));
      }),
    );
}

/** The container's own lines: its name at each of its addresses. */
export function ownEntries(
  request: Pick<JoinRequest, 'hostname' | 'domainname'>,
  joined: readonly Pick<JoiningEndpoint, 'endpoint'>[],
): HostEntry[] {
  const { hostname, domainname } = request;
  if (hostname === '') return [];
  const names = domainname === '' ? [hostname] : [`${hostname}.${domainname}`, hostname];
  const addresses = joined.flatMap(({ endpoint }) => [endpoint.ipv4, endpoint.ipv6]).filter((text) => text !== '');
  return addresses.map((address) => ({ address, names }));
}

function hostGateways(context: NetworkContext): readonly string[] {
  const given = context.deps.hostGateways ?? [];
  if (given.length > 0) return given;
  const bridge = getPredefined(context, 'bridge');
  const options: BridgeOptions = parseBridgeOptions(bridge);
  return bridgeAddresses(bridge, options).map(({ address }) => formatIp(address));
}

function hostDns(context: NetworkContext): ResolvConf {
  return parseResolvConf(readHostFile(context, 'resolvConf'));
}

function readHostFile(context: NetworkContext, which: 'hosts' | 'resolvConf'): string {
  const path = context.deps.hostFiles?.[which] ?? (which === 'hosts' ? '/etc/hosts' : '/etc/resolv.conf');
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // A host without the file: containers get what an empty one would give them.
    if (isErrno(error, 'ENOENT')) return '';
    throw error;
  }
}
