import { endpointConfig, type networkCreateBody, type ValueOf } from '@gantry/api';
import { EngineError, isEngineError } from '@gantry/base';
import type { Engine, NetworkCreateRequest, NetworkRecord } from '@gantry/engine';
import { networkFilter, networkPruneFilter } from '../filters/networks.ts';
import { documentOf, nothing, planOf } from '../http/answer.ts';
import { type HandlersOf, idOf } from '../http/call.ts';
import { type NetworkMember, printNetwork } from '../print/network.ts';
import { printNetworkPlan } from '../print/removal-plan.ts';
import { droppedFirst } from './dropped-first.ts';

type Names =
  | 'networkList'
  | 'networkCreate'
  | 'networkPrune'
  | 'networkInspect'
  | 'networkConnect'
  | 'networkDisconnect'
  | 'networkRemove';

/** @throws unsupported, naming what this engine has no networks for */
export function networkRequest(body: ValueOf<typeof networkCreateBody>): NetworkCreateRequest {
  const refuse = (what: string): never => {
    throw new EngineError('unsupported', `cannot create network "${body.name}": ${what} not supported`);
  };
  if (body.configOnly || (body.configFrom?.network ?? '') !== '') refuse('configuration-only networks are');
  if (body.ingress) refuse('ingress networks need swarm mode, which is');
  if (body.scope === 'swarm' || body.scope === 'global') refuse(`the scope ${body.scope} is`);
  return {
    name: body.name,
    driver: body.driver === '' ? 'bridge' : body.driver,
    internal: body.internal,
    attachable: body.attachable,
    enableIpv4: body.enableIpv4 ?? true,
    enableIpv6: body.enableIpv6 ?? false,
    ipam: {
      driver: body.ipam?.driver || 'default',
      options: body.ipam?.options ?? {},
      pools: body.ipam?.pools ?? [],
    },
    options: body.options,
    labels: body.labels,
  };
}

/** Attachments of running containers; one whose container was removed meanwhile is left out. */
function membersOf(engine: Engine, network: NetworkRecord): readonly NetworkMember[] {
  return engine.networks
    .endpointsOfNetwork(network.id)
    .filter((endpoint) => endpoint.endpointId !== '' && isRunning(engine, endpoint.containerId))
    .map((endpoint) => ({ endpoint, containerName: engine.containers.get(endpoint.containerId).name }));
}

function isRunning(engine: Engine, containerId: string): boolean {
  try {
    return engine.containers.get(containerId).status.kind === 'running';
  } catch (error) {
    if (isEngineError(error, 'not-found')) return false;
    throw error;
  }
}

export function networkHandlers(engine: Engine): HandlersOf<Names> {
  const { networks, containers } = engine;
  return {
    networkList: ({ query }) => {
      const accept = networkFilter(query.filters, (id) => networks.endpointsOfNetwork(id).length > 0);
      return documentOf(
        networks
          .list()
          .filter(accept)
          .map((network) => printNetwork(network, [])),
      );
    },
    networkCreate: ({ body }) => {
      const { id } = networks.create(networkRequest(body));
      return documentOf({ Id: id, Warning: '' });
    },
    networkPrune: async ({ query }) => {
      const accept = networkPruneFilter(query.filters, engine.info().now);
      const deleted = query.plan
        ? networks.planPrune(accept, await droppedFirst(engine, query))
        : networks.prune(accept);
      return documentOf({ NetworksDeleted: deleted.length === 0 ? null : deleted });
    },
    networkInspect: (call) => {
      const network = networks.get(idOf(call));
      return documentOf(printNetwork(network, membersOf(engine, network)));
    },
    networkConnect: async (call) => {
      const { container, endpoint } = call.body;
      await containers.connectNetwork(idOf(call), container, endpoint ?? endpointConfig.zero);
      return nothing;
    },
    networkDisconnect: async (call) => {
      await containers.disconnectNetwork(idOf(call), call.body.container, call.body.force);
      return nothing;
    },
    networkRemove: (call) => {
      if (call.query.plan) return planOf(printNetworkPlan(networks.planRemoval(idOf(call))));
      networks.remove(idOf(call));
      return nothing;
    },
  };
}
