import { resources, type ValueOf } from '@gantry/api';
import { flagBool, flagInt, flagList, flagText, type ParsedFlags } from '@gantry/base';
import {
  isCdiName,
  parseByteRate,
  parseDevice,
  parseGpus,
  parseOperationRate,
  parseUlimit,
  parseWeight,
} from './devices.ts';
import { bytesOf, parseNanoCpus, swapBytesOf } from './numbers.ts';

export type ResourceRequest = ValueOf<typeof resources>;

/** Reads the limits that a new container may have. @throws Error in Docker's words */
export function parseResources(flags: ParsedFlags): ResourceRequest {
  const swappiness = flagInt(flags, 'memory-swappiness') ?? -1;
  if (swappiness < -1 || swappiness > 100) {
    throw new Error(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`);
  }
  const devices = flagList(flags, 'device');
  const cdi = devices.filter((device) => isCdiName(device));
  const gpus = flagList(flags, 'gpus').map((request) => parseGpus(request));
  const cdiRequest = { driver: 'cdi', count: 0, deviceIds: cdi, capabilities: [], options: {} };
  return {
    ...parseLimits(flags),
    cgroupParent: flagText(flags, 'cgroup-parent') ?? '',
    blkioWeightDevice: flagList(flags, 'blkio-weight-device').map((text) => parseWeight(text)),
    blkioDeviceReadBps: flagList(flags, 'device-read-bps').map((text) => parseByteRate(text)),
    blkioDeviceWriteBps: flagList(flags, 'device-write-bps').map((text) => parseByteRate(text)),
    blkioDeviceReadIops: flagList(flags, 'device-read-iops').map((text) => parseOperationRate(text)),
    blkioDeviceWriteIops: flagList(flags, 'device-write-iops').map((text) => parseOperationRate(text)),
    devices: devices.filter((device) => !isCdiName(device)).map((device) => parseDevice(device)),
    deviceCgroupRules: flagList(flags, 'device-cgroup-rule'),
    deviceRequests: cdi.length === 0 ? gpus : [...gpus, cdiRequest],
    memorySwappiness: swappiness,
    oomKillDisable: flagBool(flags, 'oom-kill-disable'),
    ulimits: parseUlimits(flagList(flags, 'ulimit')),
  };
}

/** The limits that `run`, `create` and `update` share. */
export function parseLimits(flags: ParsedFlags): ResourceRequest {
  const number = (name: string): number => flagInt(flags, name) ?? 0;
  const cpus = flagText(flags, 'cpus');
  return {
    ...resources.zero,
    blkioWeight: number('blkio-weight'),
    cpuPeriod: number('cpu-period'),
    cpuQuota: number('cpu-quota'),
    cpuRealtimePeriod: number('cpu-rt-period'),
    cpuRealtimeRuntime: number('cpu-rt-runtime'),
    cpuShares: number('cpu-shares'),
    cpusetCpus: flagText(flags, 'cpuset-cpus') ?? '',
    cpusetMems: flagText(flags, 'cpuset-mems') ?? '',
    memoryBytes: bytesOf(flagText(flags, 'memory')),
    memoryReservationBytes: bytesOf(flagText(flags, 'memory-reservation')),
    memorySwapBytes: swapBytesOf(flagText(flags, 'memory-swap')),
    nanoCpus: cpus === undefined ? 0 : parseNanoCpus(cpus),
    pidsLimit: number('pids-limit'),
  };
}

/** The last of a name wins; Docker sends them in order of their names. */
function parseUlimits(texts: readonly string[]): ResourceRequest['ulimits'] {
  const byName = new Map(texts.map((text) => parseUlimit(text)).map((limit) => [limit.name, limit]));
  return [...byName.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
}
