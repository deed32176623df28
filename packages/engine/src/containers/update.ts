import { EngineError, messageOf } from '@gantry/base';
import type { LinuxResources } from '@gantry/oci';
import { applyWrites, compileUpdate } from '@gantry/runtime';
import { composeResources } from './compose-resources.ts';
import { containerEvent } from './container-event.ts';
import type { ContainerDeps } from './deps.ts';
import { resolveDeviceNumbers } from './resolve-devices.ts';
import { cgroupPathOf } from './resolve-start.ts';
import { checkRestartPolicy } from './settle-create.ts';
import { settleResources } from './settle-resources.ts';
import type { ContainerRecord, HostConfig, Resources, RestartPolicy } from './types.ts';
import { mergeUpdate } from './update-config.ts';

export type UpdateRequest = {
  readonly resources: Partial<Resources>;
  readonly restartPolicy: RestartPolicy | undefined;
};

/**
 * Changes a container's limits and restart policy, at once when it runs. Limits are written one after another: when the
 * kernel refuses one, those before it are taken back, and the row stays as it was.
 *
 * @returns warnings
 * @throws invalid, conflict with Docker's texts
 */
export async function updateContainer(
  deps: Pick<ContainerDeps, 'db' | 'store' | 'events' | 'locks' | 'facts' | 'limits' | 'cgroupParent'>,
  ref: string,
  { resources, restartPolicy }: UpdateRequest,
): Promise<readonly string[]> {
  const { id } = deps.store.resolve(ref);
  await using _lock = await deps.locks.hold(id);
  const container = deps.store.get(id);
  if (restartPolicy !== undefined) checkRestartPolicy(restartPolicy);
  const asked = settleResources({ ...noLimits, ...resources }, deps.limits, 'update');
  const hostConfig = explain(id, () => mergeUpdate(container, asked.value, restartPolicy));
  if (container.status.kind === 'running') {
    const changed = composeChange(asked.value, hostConfig);
    explain(id, () => writeLimits(deps, container, changed));
  }
  deps.db.tx(() => {
    deps.store.setHostConfig(id, hostConfig);
    deps.events.record('container', 'update', id, containerEvent(container));
  });
  return asked.warnings;
}

/** Only what was asked, save memory, whose two files make sense together alone. */
function composeChange(asked: Resources, merged: HostConfig): LinuxResources {
  const limits = composeResources(asked, resolveDeviceNumbers({ ...merged, ...asked }));
  return limits.memory === undefined ? limits : { ...limits, memory: composeResources(merged, new Map()).memory };
}

function writeLimits(
  deps: Pick<ContainerDeps, 'facts' | 'cgroupParent'>,
  container: ContainerRecord,
  resources: LinuxResources,
): void {
  const { memoryBytes } = container.hostConfig;
  const writes = compileUpdate(resources, {
    facts: deps.facts,
    cgroupPath: cgroupPathOf(deps, container),
    ...(memoryBytes > 0 ? { currentMemoryLimit: memoryBytes } : {}),
  });
  applyWrites(writes);
}

/** Docker's prefix to whatever keeps an update from being done. */
function explain<T>(id: string, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    const code = cause instanceof EngineError ? cause.code : 'internal';
    throw new EngineError(code, `Cannot update container ${id}: ${messageOf(cause)}`, { cause });
  }
}

const noLimits: Resources = {
  cpuShares: 0,
  memoryBytes: 0,
  nanoCpus: 0,
  cgroupParent: '',
  blkioWeight: 0,
  blkioWeightDevice: [],
  blkioDeviceReadBps: [],
  blkioDeviceWriteBps: [],
  blkioDeviceReadIops: [],
  blkioDeviceWriteIops: [],
  cpuPeriod: 0,
  cpuQuota: 0,
  cpuRealtimePeriod: 0,
  cpuRealtimeRuntime: 0,
  cpusetCpus: '',
  cpusetMems: '',
  devices: [],
  deviceCgroupRules: [],
  deviceRequests: [],
  memoryReservationBytes: 0,
  memorySwapBytes: 0,
  memorySwappiness: undefined,
  oomKillDisable: undefined,
  pidsLimit: undefined,
  ulimits: [],
};
