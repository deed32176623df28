import { EngineError } from '@gantry/base';
import type { ContainerRecord, HostConfig, Resources, RestartPolicy } from './types.ts';

/** The limits that an update may name; the others of Docker's resources are settled at creation. */
const updatable = [
  'blkioWeight',
  'blkioWeightDevice',
  'blkioDeviceReadBps',
  'blkioDeviceWriteBps',
  'blkioDeviceReadIops',
  'blkioDeviceWriteIops',
  'cpuShares',
  'nanoCpus',
  'cpuPeriod',
  'cpuQuota',
  'cpusetCpus',
  'cpusetMems',
  'memoryBytes',
  'memorySwapBytes',
  'memoryReservationBytes',
  'cpuRealtimePeriod',
  'cpuRealtimeRuntime',
  'pidsLimit',
] as const satisfies readonly (keyof Resources)[];

/**
 * Lays an update over a container's host config. What is zero or empty was not asked for.
 *
 * @throws conflict with Docker's texts
 */
export function mergeUpdate(
  { hostConfig: old, status }: Pick<ContainerRecord, 'hostConfig' | 'status'>,
  asked: Resources,
  restartPolicy: RestartPolicy | undefined,
): HostConfig {
  const refuse = (text: string): never => {
    throw new EngineError('conflict', text);
  };
  if (status.kind === 'removing' || status.kind === 'dead')
    refuse('container is marked for removal and cannot be "update"');
  checkCpuConflicts(old, asked, refuse);
  if (
    asked.memoryBytes !== 0 &&
    asked.memorySwapBytes === 0 &&
    asked.memoryBytes > old.memorySwapBytes &&
    old.memorySwapBytes !== -1
  )
    refuse('Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time');
  const changesRestart = restartPolicy !== undefined && restartPolicy.name !== '';
  if (changesRestart && old.autoRemove && restartPolicy.name !== 'no')
    refuse('Restart policy cannot be updated because AutoRemove is enabled for the container');
  const given = updatable.filter((key) => isGiven(asked[key]));
  return {
    ...old,
    ...Object.fromEntries(given.map((key) => [key, asked[key]])),
    ...(changesRestart ? { restartPolicy } : {}),
  };
}

function isGiven(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== 0 && value !== '';
}

/** `--cpus` is period and quota under another name, so the two ways exclude each other for good. */
function checkCpuConflicts(old: Resources, asked: Resources, refuse: (text: string) => never): void {
  if (asked.nanoCpus > 0 && old.cpuPeriod > 0)
    refuse('Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set');
  if (asked.nanoCpus > 0 && old.cpuQuota > 0)
    refuse('Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set');
  if (asked.cpuPeriod > 0 && old.nanoCpus > 0)
    refuse('Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set');
  if (asked.cpuQuota > 0 && old.nanoCpus > 0)
    refuse('Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set');
}
