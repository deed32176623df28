import type { ContainerView } from '../engine.ts';
import type { ContainerDeps } from './deps.ts';
import { hangOf } from './hang.ts';
import { containerPaths } from './paths.ts';
import type { ContainerRecord, ContainerStatus } from './types.ts';

export type ViewDeps = Pick<
  ContainerDeps,
  'store' | 'execs' | 'health' | 'images' | 'snapshots' | 'networks' | 'dataRoot' | 'live' | 'tasks'
>;

/** A container with what inspect shows of it beside its row. Sizes only when asked: they walk its files. */
export async function viewContainer(deps: ViewDeps, ref: string, { size = false } = {}): Promise<ContainerView> {
  const record = deps.store.resolve(ref);
  const view = await viewRecord(deps, record, { size, endpoints: deps.networks.endpointsOfContainer(record.id) });
  return { ...view, stack: deps.snapshots.stackOfContainer(record.id) };
}

export async function viewRecord(
  deps: ViewDeps,
  record: ContainerRecord,
  { size, endpoints }: { size: boolean; endpoints: ContainerView['endpoints'] },
): Promise<ContainerView> {
  const { id } = record;
  const isRunning = record.status.kind === 'running';
  const paths = containerPaths(deps.dataRoot, id);
  const usage = size ? await deps.snapshots.usage(id) : undefined;
  const imageBytes = size ? (deps.images.find(record.imageId)?.sizeBytes ?? 0) : 0;
  return {
    ...record,
    endpoints,
    // Both are of a run alone, and a long list is mostly of what does not run.
    ports: isRunning ? deps.networks.portsOfContainer(id) : [],
    execIds: isRunning ? deps.execs.openOf(id).map((exec) => exec.id) : [],
    logPath: record.hostConfig.logConfig.type === 'json-file' ? paths.log : '',
    hostsPath: paths.hosts,
    hostnamePath: paths.hostname,
    resolvConfPath: paths.resolvConf,
    health: record.config.healthcheck === undefined ? undefined : deps.health.find(id),
    unresponsive: hangOf(deps, record)?.what,
    sizeRw: usage?.changedBytes,
    sizeRootFs: usage === undefined ? undefined : usage.changedBytes + imageBytes,
    diskBytes: usage?.diskBytes,
    stack: undefined,
  };
}

/** Docker's word for a state, as `ps --filter status=` and inspect have it. */
export function stateOf(status: ContainerStatus): string {
  return status.kind === 'running' && status.paused ? 'paused' : status.kind;
}
