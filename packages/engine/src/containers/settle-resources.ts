import { EngineError } from '@gantry/base';
import type { LimitFacts } from './limit-facts.ts';
import type { Resources } from './types.ts';

/** Less than this does not hold the start of a container: Docker's own floor. */
const minimumMemoryBytes = 6 * 2 ** 20;

/** Resources after the machine had its say: what it cannot do is dropped, with one warning each. */
export type Settled<T> = { readonly value: T; readonly warnings: readonly string[] };

/**
 * Checks limits against each other and against the machine, as `create` and `update` do.
 *
 * @param purpose an update may name the swap limit alone
 * @throws invalid with Docker's texts
 */
export function settleResources<T extends Resources>(
  given: T,
  host: LimitFacts,
  purpose: 'create' | 'update',
): Settled<T> {
  const { value, warnings } = dropUnsupported(given, host);
  checkMemory(value, purpose);
  checkCpu(value, host);
  checkCpuset(value, host);
  if (value.blkioWeight > 0 && (value.blkioWeight < 10 || value.blkioWeight > 1000))
    refuse('Range of blkio weight is from 10 to 1000');
  const oomOff = value.oomKillDisable === true && value.memoryBytes === 0;
  return {
    value,
    warnings: oomOff
      ? [
          ...warnings,
          'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
        ]
      : warnings,
  };
}

type Drop = { readonly when: boolean; readonly warning: string; readonly patch: Partial<Resources> };

function dropUnsupported<T extends Resources>(given: T, host: LimitFacts): Settled<T> {
  const dropped = unsupported(given, host).filter((drop) => drop.when);
  return {
    value: Object.assign({ ...given }, ...dropped.map((drop) => drop.patch)),
    warnings: dropped.map((drop) => drop.warning).filter((warning) => warning !== ''),
  };
}

function unsupported(given: Resources, host: LimitFacts): Drop[] {
  const has = (controller: string): boolean => host.controllers.has(controller);
  const noBlkio = !has('blkio') && !has('io');
  const notMounted = (what: string, end: string): string =>
    `Your kernel does not support ${what} or the cgroup is not mounted. ${end}`;
  return [
    {
      when: given.memoryBytes > 0 && !has('memory'),
      warning: notMounted('memory limit capabilities', 'Limitation discarded.'),
      patch: { memoryBytes: 0, memorySwapBytes: -1 },
    },
    {
      when: given.memoryBytes > 0 && given.memorySwapBytes !== -1 && has('memory') && !host.swapLimit,
      warning: notMounted('swap limit capabilities', 'Memory limited without swap.'),
      patch: { memorySwapBytes: -1 },
    },
    {
      when: given.memorySwappiness !== undefined && given.memorySwappiness !== -1 && !host.memorySwappiness,
      warning: notMounted('memory swappiness capabilities', 'Memory swappiness discarded.'),
      patch: { memorySwappiness: undefined },
    },
    // Old clients send -1 for "not given".
    { when: given.memorySwappiness === -1, warning: '', patch: { memorySwappiness: undefined } },
    {
      when: given.memoryReservationBytes > 0 && !has('memory'),
      warning: notMounted('memory soft limit capabilities', 'Limitation discarded.'),
      patch: { memoryReservationBytes: 0 },
    },
    {
      when: given.oomKillDisable !== undefined && !host.oomKillDisable,
      warning: given.oomKillDisable ? 'Your kernel does not support OomKillDisable. OomKillDisable discarded.' : '',
      patch: { oomKillDisable: undefined },
    },
    {
      when: given.pidsLimit !== undefined && !has('pids'),
      warning: (given.pidsLimit ?? 0) > 0 ? notMounted('PIDs limit capabilities', 'PIDs limit discarded.') : '',
      patch: { pidsLimit: undefined },
    },
    {
      when: given.cpuShares > 0 && !has('cpu'),
      warning: notMounted('CPU shares', 'Shares discarded.'),
      patch: { cpuShares: 0 },
    },
    {
      when: (given.cpuPeriod !== 0 || given.cpuQuota !== 0) && !has('cpu'),
      warning: 'Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.',
      patch: { cpuPeriod: 0, cpuQuota: 0 },
    },
    {
      when: (given.cpusetCpus !== '' || given.cpusetMems !== '') && !has('cpuset'),
      warning: notMounted('cpuset', 'Cpuset discarded.'),
      patch: { cpusetCpus: '', cpusetMems: '' },
    },
    {
      when: given.blkioWeight > 0 && !host.blkioWeight,
      warning: notMounted('Block I/O weight', 'Weight discarded.'),
      patch: { blkioWeight: 0 },
    },
    {
      when: given.blkioWeightDevice.length > 0 && !host.blkioWeight,
      warning: notMounted('Block I/O weight_device', 'Weight-device discarded.'),
      patch: { blkioWeightDevice: [] },
    },
    {
      when: given.blkioDeviceReadBps.length > 0 && noBlkio,
      warning: notMounted('BPS Block I/O read limit', 'Block I/O BPS read limit discarded.'),
      patch: { blkioDeviceReadBps: [] },
    },
    {
      when: given.blkioDeviceWriteBps.length > 0 && noBlkio,
      warning: notMounted('BPS Block I/O write limit', 'Block I/O BPS write limit discarded.'),
      patch: { blkioDeviceWriteBps: [] },
    },
    {
      when: given.blkioDeviceReadIops.length > 0 && noBlkio,
      warning: notMounted('IOPS Block read limit', 'Block I/O IOPS read limit discarded.'),
      patch: { blkioDeviceReadIops: [] },
    },
    {
      when: given.blkioDeviceWriteIops.length > 0 && noBlkio,
      warning: notMounted('IOPS Block write limit', 'Block I/O IOPS write limit discarded.'),
      patch: { blkioDeviceWriteIops: [] },
    },
  ];
}

function checkMemory(value: Resources, purpose: 'create' | 'update'): void {
  const { memoryBytes, memorySwapBytes, memorySwappiness, memoryReservationBytes } = value;
  if (memoryBytes !== 0 && memoryBytes < minimumMemoryBytes) refuse('Minimum memory limit allowed is 6MB');
  if (memoryBytes > 0 && memorySwapBytes > 0 && memorySwapBytes < memoryBytes)
    refuse('Minimum memoryswap limit should be larger than memory limit, see usage');
  if (memoryBytes === 0 && memorySwapBytes > 0 && purpose === 'create')
    refuse('You should always set the Memory limit when using Memoryswap limit, see usage');
  if (memorySwappiness !== undefined && (memorySwappiness < 0 || memorySwappiness > 100))
    refuse(`Invalid value: ${memorySwappiness}, valid memory swappiness range is 0-100`);
  if (memoryReservationBytes > 0 && memoryReservationBytes < minimumMemoryBytes)
    refuse('Minimum memory reservation allowed is 6MB');
  if (memoryBytes > 0 && memoryReservationBytes > 0 && memoryBytes < memoryReservationBytes)
    refuse('Minimum memory limit can not be less than memory reservation limit, see usage');
}

function checkCpu(value: Resources, host: LimitFacts): void {
  const { nanoCpus, cpuPeriod, cpuQuota, cpuRealtimePeriod, cpuRealtimeRuntime, cpuShares } = value;
  if (nanoCpus > 0 && cpuPeriod > 0) refuse('Conflicting options: Nano CPUs and CPU Period cannot both be set');
  if (nanoCpus > 0 && cpuQuota > 0) refuse('Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  if (nanoCpus > 0 && !host.controllers.has('cpu'))
    refuse('NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted');
  if (nanoCpus < 0 || nanoCpus > host.cpus * 1e9)
    refuse(`range of CPUs is from 0.01 to ${host.cpus}.00, as there are only ${host.cpus} CPUs available`);
  if (cpuPeriod !== 0 && (cpuPeriod < 1000 || cpuPeriod > 1_000_000))
    refuse('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
  if (cpuQuota > 0 && cpuQuota < 1000) refuse('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  if ((cpuRealtimePeriod !== 0 || cpuRealtimeRuntime !== 0) && !host.cpuRealtime)
    refuse('kernel does not support CPU real-time scheduler');
  if (cpuRealtimePeriod !== 0 && cpuRealtimeRuntime > cpuRealtimePeriod)
    refuse('cpu real-time runtime cannot be higher than cpu real-time period');
  if (cpuShares < 0) refuse(`invalid CPU shares (${cpuShares}): value must be a positive integer`);
}

function checkCpuset(value: Resources, host: LimitFacts): void {
  const covered = (wanted: string, available: string, what: string): boolean => {
    const numbers = parseCpuList(wanted);
    if (numbers === undefined) refuse(`Invalid value ${wanted} for cpuset ${what}`);
    const there = parseCpuList(available) ?? new Set();
    return [...numbers].every((number) => there.has(number));
  };
  if (!covered(value.cpusetCpus, host.cpusetCpus, 'cpus'))
    refuse(`Requested CPUs are not available - requested ${value.cpusetCpus}, available: ${host.cpusetCpus}`);
  if (!covered(value.cpusetMems, host.cpusetMems, 'mems'))
    refuse(`Requested memory nodes are not available - requested ${value.cpusetMems}, available: ${host.cpusetMems}`);
}

/** The kernel takes at most this many CPUs; a longer range is a mistake and must not fill memory. */
const mostCpus = 8192;

/** Parses the kernel's list format, `0-3,7`. @returns undefined when the text is no such list */
export function parseCpuList(text: string): ReadonlySet<number> | undefined {
  const numbers = new Set<number>();
  if (text === '') return numbers;
  for (const part of text.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (match === null) return undefined;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (last < first || last > mostCpus) return undefined;
    for (let number = first; number <= last; number++) numbers.add(number);
  }
  return numbers;
}

function refuse(text: string): never {
  throw new EngineError('invalid', text);
}
