import { endpointConfig } from '@gantry/api';
import { EngineError } from '@gantry/base';
import type { Engine, WaitCondition } from '@gantry/engine';
import { documentOf, nothing, planOf } from '../http/answer.ts';
import { type CallOf, type HandlersOf, idOf } from '../http/call.ts';
import { printContainer, printContainerRow } from '../print/container.ts';
import { printPastRun } from '../print/past-run.ts';
import { printContainerPlan } from '../print/removal-plan.ts';
import { printWhy } from '../print/why.ts';
import { imageNamer } from './image-names.ts';

type Names =
  | 'containerList'
  | 'containerCreate'
  | 'containerPrune'
  | 'containerInspect'
  | 'containerTop'
  | 'containerRanAt'
  | 'containerWhy'
  | 'containerResize'
  | 'containerStart'
  | 'containerStop'
  | 'containerRestart'
  | 'containerKill'
  | 'containerUpdate'
  | 'containerRename'
  | 'containerPause'
  | 'containerUnpause'
  | 'containerWait'
  | 'containerRemove';

export function containerHandlers(engine: Engine): HandlersOf<Names> {
  const { containers } = engine;
  return {
    containerList: async ({ query }) => {
      const views = await containers.list({
        all: query.all,
        limit: query.limit ?? 0,
        size: query.size,
        filters: query.filters,
      });
      const nameOf = imageNamer(engine);
      return documentOf(views.map((view) => printContainerRow(view, nameOf(view), engine.info().now)));
    },
    containerCreate: async (call) => {
      const created = await containers.create(createRequest(call));
      return documentOf({ Id: created.id, Warnings: created.warnings });
    },
    containerPrune: async ({ query }) => {
      const { deleted, reclaimedBytes } = query.plan
        ? await containers.planPrune(query.filters)
        : await containers.prune(query.filters);
      return documentOf({ ContainersDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: reclaimedBytes });
    },
    containerInspect: async (call) => {
      const view = await containers.view(idOf(call), { size: call.query.size });
      const { storageDriver } = engine.info();
      return documentOf(printContainer(view, { storageDriver, image: engine.images.find(view.imageId) }));
    },
    containerTop: async (call) => {
      const { titles, processes } = await containers.top(idOf(call), call.query.psArguments || '-ef');
      return documentOf({ Processes: processes, Titles: titles });
    },
    containerRanAt: ({ query }) => {
      if (query.timeNanos === 0n)
        throw new EngineError('invalid', 'cannot tell what ran: the parameter "time" is missing');
      return documentOf(containers.ranAt(query.timeNanos).map(printPastRun));
    },
    containerWhy: async (call) => documentOf(printWhy(await containers.why(idOf(call)))),
    containerResize: async (call) => {
      await containers.resize(idOf(call), call.query.rows, call.query.columns);
      return nothing;
    },
    containerStart: async (call) => {
      if (call.query.checkpoint !== '') {
        throw new EngineError('unsupported', 'cannot start from a checkpoint: checkpoints are not supported yet');
      }
      return (await containers.start(idOf(call))) ? nothing : { kind: 'nothing', status: 304 };
    },
    containerStop: async (call) => {
      const wasRunning = await containers.stop(idOf(call), stopOptions(call.query));
      return wasRunning ? nothing : { kind: 'nothing', status: 304 };
    },
    containerRestart: async (call) => {
      await containers.restart(idOf(call), stopOptions(call.query));
      return nothing;
    },
    containerKill: async (call) => {
      await containers.kill(idOf(call), call.query.signal || 'SIGKILL');
      return nothing;
    },
    containerUpdate: async (call) => {
      const warnings = await containers.update(idOf(call), call.body);
      return documentOf({ Warnings: warnings.length === 0 ? null : warnings });
    },
    containerRename: (call) => {
      containers.rename(idOf(call), call.query.name);
      return nothing;
    },
    containerPause: async (call) => {
      await containers.pause(idOf(call));
      return nothing;
    },
    containerUnpause: async (call) => {
      await containers.unpause(idOf(call));
      return nothing;
    },
    containerWait: async (call) => {
      const { result } = await containers.wait(idOf(call), waitCondition(call.query.condition), call.signal);
      return { kind: 'lines', headers: 'now', lines: waitLine(result) };
    },
    containerRemove: async (call) => {
      if (call.query.plan) return planOf(printContainerPlan(await containers.planRemoval(idOf(call), call.query)));
      await containers.remove(idOf(call), call.query);
      return nothing;
    },
  };
}

type CreateCall = CallOf<'containerCreate'>;

/**
 * The engine's request from a call. A MAC address that old clients give to the container belongs to its endpoint.
 *
 * @throws invalid with Docker's text when container and endpoint name two different ones
 */
export function createRequest({ query, body }: Pick<CreateCall, 'query' | 'body'>) {
  if (body.config.image === '' && body.config.cmd === undefined && body.config.entrypoint === undefined) {
    throw new EngineError('invalid', 'config cannot be empty in order to create a container');
  }
  const onBridge = defaultToBridge(body);
  const { hostConfig } = onBridge;
  const pidsLimit = (hostConfig.pidsLimit ?? 0) <= 0 ? undefined : hostConfig.pidsLimit;
  return {
    ...query,
    config: { ...body.config, macAddress: '' },
    hostConfig: { ...hostConfig, pidsLimit },
    endpoints: withMacAddress(onBridge),
  };
}

/** Docker's `default` network mode is the bridge, and is called so from here on. */
function defaultToBridge(body: CreateCall['body']): CreateCall['body'] {
  const { hostConfig, endpoints } = body;
  if (hostConfig.networkMode !== '' && hostConfig.networkMode !== 'default') return body;
  const { default: asked, ...named } = endpoints;
  return {
    ...body,
    hostConfig: { ...hostConfig, networkMode: 'bridge' },
    endpoints: asked === undefined ? named : { ...named, bridge: named.bridge ?? asked },
  };
}

function withMacAddress(body: CreateCall['body']): CreateCall['body']['endpoints'] {
  const { macAddress } = body.config;
  const { networkMode } = body.hostConfig;
  if (macAddress === '' || ['host', 'none'].includes(networkMode) || networkMode.startsWith('container:')) {
    return body.endpoints;
  }
  const given = body.endpoints[networkMode];
  if (given !== undefined && given.macAddress !== '' && given.macAddress !== macAddress) {
    throw new EngineError(
      'invalid',
      'the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty',
    );
  }
  return { ...body.endpoints, [networkMode]: { ...(given ?? endpointConfig.zero), macAddress } };
}

function stopOptions(query: CallOf<'containerStop'>['query']): {
  signal: string | undefined;
  timeoutSeconds: number | undefined;
} {
  return { signal: query.signal === '' ? undefined : query.signal, timeoutSeconds: query.timeoutSeconds };
}

function waitCondition(text: string): WaitCondition {
  if (text === '' || text === 'not-running') return 'not-running';
  if (text === 'next-exit' || text === 'removed') return text;
  throw new EngineError('invalid', `invalid condition: "${text}"`);
}

async function* waitLine(
  result: Promise<{ exitCode: number; error: string }>,
): AsyncGenerator<{ StatusCode: number; Error?: { Message: string } }, void> {
  const { exitCode, error } = await result;
  yield { StatusCode: exitCode, ...(error === '' ? {} : { Error: { Message: error } }) };
}
