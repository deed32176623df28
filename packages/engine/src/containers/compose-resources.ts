import { EngineError } from '@gantry/base';
import type { LinuxBlockIo, LinuxCpu, LinuxMemory, LinuxResources } from '@gantry/oci';
import type { StartFacts } from './start-facts.ts';
import type { Resources } from './types.ts';

/** `--cpus` is a quota of this period, as in Docker. */
const cpuPeriodMicros = 100_000;

/**
 * Turns limits into the runtime's: what is not set is left out, so that a cgroup keeps the kernel's default. `update`
 * uses it too.
 *
 * @throws invalid when a blkio limit names a path that is no device
 */
export function composeResources(
  resources: Resources,
  deviceNumbers: StartFacts['deviceNumbers'],
): Omit<LinuxResources, 'devices'> {
  const memory = composeMemory(resources);
  const cpu = composeCpu(resources);
  const blockIO = composeBlockIo(resources, deviceNumbers);
  const { pidsLimit } = resources;
  return {
    ...(hasKeys(memory) ? { memory } : {}),
    ...(hasKeys(cpu) ? { cpu } : {}),
    ...(hasKeys(blockIO) ? { blockIO } : {}),
    // 0 and below take a limit away, which the runtime writes as -1.
    ...(pidsLimit === undefined ? {} : { pids: { limit: pidsLimit <= 0 ? -1 : pidsLimit } }),
  };
}

function composeMemory(resources: Resources): LinuxMemory {
  const { memoryBytes, memoryReservationBytes, memorySwapBytes, memorySwappiness, oomKillDisable } = resources;
  return {
    ...(memoryBytes > 0 ? { limit: memoryBytes } : {}),
    ...(memoryReservationBytes > 0 ? { reservation: memoryReservationBytes } : {}),
    ...(memorySwapBytes > 0 || (memorySwapBytes === -1 && memoryBytes > 0) ? { swap: memorySwapBytes } : {}),
    ...(memorySwappiness === undefined ? {} : { swappiness: memorySwappiness }),
    ...(oomKillDisable ? { disableOOMKiller: true } : {}),
  };
}

function composeCpu(resources: Resources): LinuxCpu {
  const { nanoCpus, cpuShares, cpuPeriod, cpuQuota, cpuRealtimePeriod, cpuRealtimeRuntime } = resources;
  const byCpus = nanoCpus > 0 ? { period: cpuPeriodMicros, quota: Math.floor((nanoCpus * cpuPeriodMicros) / 1e9) } : {};
  return {
    ...(cpuShares > 0 ? { shares: cpuShares } : {}),
    ...byCpus,
    ...(cpuPeriod === 0 ? {} : { period: cpuPeriod }),
    ...(cpuQuota === 0 ? {} : { quota: cpuQuota }),
    ...(cpuRealtimePeriod === 0 ? {} : { realtimePeriod: cpuRealtimePeriod }),
    ...(cpuRealtimeRuntime === 0 ? {} : { realtimeRuntime: cpuRealtimeRuntime }),
    ...(resources.cpusetCpus === '' ? {} : { cpus: resources.cpusetCpus }),
    ...(resources.cpusetMems === '' ? {} : { mems: resources.cpusetMems }),
  };
}

function composeBlockIo(resources: Resources, deviceNumbers: StartFacts['deviceNumbers']): LinuxBlockIo {
  const numberOf = (path: string) => {
    const number = deviceNumbers.get(path);
    if (number === undefined) throw new EngineError('invalid', `stat ${path}: no such file or directory`);
    return number;
  };
  const throttle = (rows: Resources['blkioDeviceReadBps']) =>
    rows.map(({ path, rate }) => ({ ...numberOf(path), rate }));
  const lists = {
    weightDevice: resources.blkioWeightDevice.map(({ path, weight }) => ({ ...numberOf(path), weight })),
    throttleReadBpsDevice: throttle(resources.blkioDeviceReadBps),
    throttleWriteBpsDevice: throttle(resources.blkioDeviceWriteBps),
    throttleReadIOPSDevice: throttle(resources.blkioDeviceReadIops),
    throttleWriteIOPSDevice: throttle(resources.blkioDeviceWriteIops),
  };
  return {
    ...(resources.blkioWeight > 0 ? { weight: resources.blkioWeight } : {}),
    ...Object.fromEntries(Object.entries(lists).filter(([, rows]) => rows.length > 0)),
  };
}

function hasKeys(value: object): boolean {
  return Object.keys(value).length > 0;
}
