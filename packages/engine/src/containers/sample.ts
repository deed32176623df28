import { type CgroupFiles, cgroupFiles, parseKeyValues, readKernelText } from '@gantry/runtime';
import type { NetworkCounters, StatsSample } from '../engine.ts';
import type { ContainerDeps } from './deps.ts';
import { cgroupPathOf } from './resolve-start.ts';
import { parseBlkioV1, parseCpuTimes, parseIoStat, parseNetDev, parseSystemCpu } from './sample-files.ts';

/** USER_HZ, the unit of ticks in /proc/stat and cpuacct.stat: 100 on every architecture of Linux that runs here. */
const nanosPerTick = 10_000_000;

/**
 * Reads what a running container uses, straight from the kernel's files.
 *
 * @returns undefined while it does not run
 */
export async function sampleContainer(
  deps: Pick<ContainerDeps, 'store' | 'facts' | 'cgroupParent' | 'now'>,
  ref: string,
): Promise<StatsSample | undefined> {
  const container = deps.store.resolve(ref);
  const { status, hostConfig } = container;
  if (status.kind !== 'running') return undefined;
  const files = cgroupFiles(deps.facts.cgroup, cgroupPathOf(deps, container));
  const isV2 = deps.facts.cgroup.kind === 'v2';
  return {
    readAt: deps.now(),
    numProcs: 0,
    ...parseSystemCpu(readKernelText('/proc/stat'), nanosPerTick),
    ...(isV2 ? readV2(files) : readV1(files)),
    pids: numberIn(files.pids, 'pids.current'),
    pidsLimit: numberIn(files.pids, 'pids.max'),
    // Traffic of the host's own interfaces is not the container's.
    networks: hostConfig.networkMode === 'host' ? {} : readNetworks(status.pid),
  };
}

type CgroupPart = Omit<
  StatsSample,
  'readAt' | 'numProcs' | 'onlineCpus' | 'systemCpuNanos' | 'pids' | 'pidsLimit' | 'networks'
>;

function readV1(files: CgroupFiles): CgroupPart {
  const throttling = parseKeyValues(readIn(files.cpu, 'cpu.stat'));
  const times = parseKeyValues(readIn(files.cpuacct, 'cpuacct.stat'));
  const perCpu = readIn(files.cpuacct, 'cpuacct.usage_percpu').trim();
  return {
    cpuTotalNanos: numberIn(files.cpuacct, 'cpuacct.usage'),
    cpuUserNanos: (times.user ?? 0) * nanosPerTick,
    cpuKernelNanos: (times.system ?? 0) * nanosPerTick,
    perCpuNanos: perCpu === '' ? [] : perCpu.split(' ').map(Number),
    periods: throttling.nr_periods ?? 0,
    throttledPeriods: throttling.nr_throttled ?? 0,
    throttledNanos: throttling.throttled_time ?? 0,
    memoryUsageBytes: numberIn(files.memory, 'memory.usage_in_bytes'),
    memoryMaxUsageBytes: numberIn(files.memory, 'memory.max_usage_in_bytes'),
    memoryLimitBytes: memoryLimit(numberIn(files.memory, 'memory.limit_in_bytes')),
    memoryStats: parseKeyValues(readIn(files.memory, 'memory.stat')),
    memoryFailCount: numberIn(files.memory, 'memory.failcnt'),
    blkio: parseBlkioV1(
      readIn(files.blkio, 'blkio.throttle.io_service_bytes_recursive'),
      readIn(files.blkio, 'blkio.throttle.io_serviced_recursive'),
    ),
  };
}

function readV2(files: CgroupFiles): CgroupPart {
  return {
    ...parseCpuTimes(parseKeyValues(readIn(files.cpu, 'cpu.stat'))),
    perCpuNanos: [],
    memoryUsageBytes: numberIn(files.memory, 'memory.current'),
    memoryMaxUsageBytes: numberIn(files.memory, 'memory.peak'),
    memoryLimitBytes: memoryLimit(numberIn(files.memory, 'memory.max')),
    memoryStats: parseKeyValues(readIn(files.memory, 'memory.stat')),
    memoryFailCount: parseKeyValues(readIn(files.memory, 'memory.events')).max ?? 0,
    blkio: parseIoStat(readIn(files.blkio, 'io.stat')),
  };
}

/** No limit, or one above what the machine has, reads as all of its memory. */
function memoryLimit(limitBytes: number): number {
  const machineBytes = totalMemoryBytes();
  return limitBytes === 0 || limitBytes > machineBytes ? machineBytes : limitBytes;
}

function totalMemoryBytes(): number {
  return Number(/^MemTotal:\s+(\d+)/m.exec(readKernelText('/proc/meminfo'))?.[1] ?? 0) * 1024;
}

function readNetworks(pid: number): Readonly<Record<string, NetworkCounters>> {
  return parseNetDev(readKernelText(`/proc/${pid}/net/dev`));
}

function readIn(directory: string | undefined, file: string): string {
  return directory === undefined ? '' : readKernelText(`${directory}/${file}`);
}

/** `max` and a missing file count as 0. */
function numberIn(directory: string | undefined, file: string): number {
  const value = Number(readIn(directory, file).trim());
  return Number.isFinite(value) ? value : 0;
}
