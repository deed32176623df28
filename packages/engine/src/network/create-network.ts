import { closeSync, openSync } from 'node:fs';
import { EngineError, formatId } from '@gantry/base';
import { syscall } from '@gantry/native';
import { type Cidr, type PoolSource, parseCidr, subnetOf } from '@gantry/net';
import { bridgeRules, ensureBridge } from './bridge.ts';
import { parseBridgeOptions } from './bridge-options.ts';
import type { NetworkContext } from './context.ts';
import { isPredefined } from './find-network.ts';
import { defaultSources, settlePools, uniqueLocalSource } from './settle-pools.ts';
import type { NetworkCreateRequest, NetworkRecord } from './types.ts';

/**
 * Makes a network: a row, and for the driver `bridge` its link and rules.
 *
 * @throws conflict `network with name x already exists`, denied, invalid, unsupported
 */
export function createNetwork(context: NetworkContext, request: NetworkCreateRequest): NetworkRecord {
  checkRequest(context, request);
  return makeNetwork(context, request);
}

function checkRequest(context: NetworkContext, request: NetworkCreateRequest): void {
  const { name, driver } = request;
  if (isPredefined(name)) throw new EngineError('denied', `operation is not permitted on predefined ${name} network `);
  if (name.trim() === '') throw new EngineError('invalid', 'invalid name: name is empty');
  if ([...context.networks.values()].some((network) => network.name === name))
    throw new EngineError('conflict', `network with name ${name} already exists`);
  if (driver === 'host' || driver === 'null')
    throw new EngineError('denied', `only one instance of "${driver}" network is allowed`);
  if (driver === 'overlay')
    throw new EngineError(
      'denied',
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    );
  if (driver === 'macvlan' || driver === 'ipvlan')
    throw new EngineError('unsupported', `cannot create network "${name}": this engine has no driver "${driver}"`);
  if (driver !== 'bridge' && driver !== '')
    throw new EngineError('not-found', `plugin ${JSON.stringify(driver)} not found`);
  if (request.ipam.driver !== 'default' && request.ipam.driver !== '')
    throw new EngineError('invalid', `invalid ipam driver: "${request.ipam.driver}"`);
}

/** Makes a bridge network without asking whether its name is allowed: boot makes `bridge` with it. */
export function makeNetwork(context: NetworkContext, request: NetworkCreateRequest): NetworkRecord {
  // Several engines choose subnets on one host: one at a time looks and takes.
  using _claim = lockHostNetworks();
  const id = formatId(context.deps.random(32));
  const options = parseBridgeOptions({ ...request, id });
  refuseSharedBridge(context, { name: request.name, id, bridgeName: options.bridgeName });
  const network: NetworkRecord = {
    ...request,
    driver: 'bridge',
    id,
    createdAt: context.deps.now(),
    ipam: {
      driver: 'default',
      options: request.ipam.options,
      pools: settlePools(request, {
        ownSubnets: ownSubnets(context),
        hostSubnets: context.links.takenSubnets(),
        sources: poolSources(context),
      }),
    },
  };
  using undo = new DisposableStack();
  if (ensureBridge(context, network)) undo.defer(() => context.links.deleteLink(options.bridgeName));
  undo.defer(() => context.bridges.delete(id));
  context.firewall.addBridge(bridgeRules(network, options));
  undo.defer(() => context.firewall.removeBridge(bridgeRules(network, options)));
  context.deps.db.tx(() => {
    context.store.insertNetwork(network);
    context.deps.events.record('network', 'create', id, { name: network.name, type: network.driver });
  });
  context.networks.set(id, network);
  context.addresses.addNetwork(network);
  undo.move();
  return network;
}

function refuseSharedBridge(context: NetworkContext, wanted: { name: string; id: string; bridgeName: string }): void {
  for (const network of context.networks.values()) {
    if (network.driver !== 'bridge' || parseBridgeOptions(network).bridgeName !== wanted.bridgeName) continue;
    throw new EngineError(
      'denied',
      `cannot create network ${wanted.id} (${wanted.bridgeName}): conflicts with network ${network.id} (${wanted.bridgeName}): networks have same bridge name`,
    );
  }
}

/** Subnets of this engine's networks, whether their links stand or not. */
export function ownSubnets(context: Pick<NetworkContext, 'networks'>, exceptId = ''): Cidr[] {
  return [...context.networks.values()]
    .filter(({ id }) => id !== exceptId)
    .flatMap(({ ipam }) => ipam.pools.flatMap((pool) => parseCidr(pool.subnet) ?? []));
}

/** Where subnets come from: the configured pools or Docker's, and an IPv6 prefix that is this engine's for life. */
export function poolSources(context: NetworkContext): PoolSource[] {
  const configured = context.deps.defaultPools?.flatMap(({ base, size }): PoolSource[] => {
    const cidr = parseCidr(base);
    return cidr === undefined ? [] : [{ base: subnetOf(cidr), prefix: size }];
  });
  const sources = configured ?? defaultSources;
  const hasIpv6 = sources.some(({ base }) => base.address.family === 6);
  return hasIpv6 ? [...sources] : [...sources, uniqueLocalSource(ulaSeed(context))];
}

function ulaSeed(context: NetworkContext): Uint8Array {
  const stored = context.store.fact('ula-seed');
  const seed = stored === undefined ? context.deps.random(5) : Uint8Array.from(Buffer.from(stored, 'hex'));
  if (stored === undefined) context.store.setFact('ula-seed', Buffer.from(seed).toString('hex'));
  return seed;
}

const exclusive = 2;

/** A lock between the engines of a host, held for the few milliseconds of choosing and taking a subnet. */
export function lockHostNetworks(): Disposable {
  const fd = openSync('/run/gantry-networks.lock', 'a', 0o600);
  try {
    syscall('flock', fd, exclusive);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return { [Symbol.dispose]: () => closeSync(fd) };
}
