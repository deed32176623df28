import { EngineError } from '@gantry/base';
import type { LinuxBlockIo, LinuxCpu, LinuxMemory, LinuxResources } from '@gantry/oci';
import type { HostFacts } from '../facts.ts';
import type { FileWrite } from './file-write.ts';
import { type FileValue, type LimitContext, numberValue, pidsValues, place, positiveValue, rdmaValues } from './v1.ts';

/**
 * The limits of a container as writes to cgroup v2 files, converted from the v1 terms in which config.json speaks.
 * Kernel memory, swappiness and disabling the OOM killer have no v2 counterpart and are left out, as everywhere.
 *
 * @throws invalid for limits that contradict each other, unsupported when a controller is missing
 */
export function v2Limits(resources: LinuxResources, context: LimitContext): FileWrite[] {
  const hugepages = (resources.hugepageLimits ?? []).map(
    ({ pageSize, limit }): FileValue => [`hugetlb.${pageSize}.max`, String(limit)],
  );
  return [
    ...place('cpuset', cpusetValues(resources.cpu ?? {}), context),
    ...place('memory', memoryValues(resources.memory ?? {}, context.facts), context),
    ...place('cpu', cpuValues(resources.cpu ?? {}), context),
    ...place('pids', pidsValues(resources.pids?.limit), context),
    ...place('io', ioValues(resources.blockIO ?? {}, context.facts), context),
    ...place('hugetlb', hugepages, context),
    ...place('rdma', rdmaValues(resources), context),
    ...unified(resources.unified ?? {}, context),
  ];
}

function cpusetValues(cpu: LinuxCpu): FileValue[] {
  const values: FileValue[] = [];
  if (cpu.cpus) values.push(['cpuset.cpus', cpu.cpus]);
  if (cpu.mems) values.push(['cpuset.mems', cpu.mems]);
  return values;
}

const maxOr = (value: number): string => (value === -1 ? 'max' : String(value));

function memoryValues(memory: LinuxMemory, facts: HostFacts): FileValue[] {
  const values: FileValue[] = [];
  const swap = swapMax(memory.limit === -1 && !memory.swap ? -1 : (memory.swap ?? 0), memory.limit ?? 0);
  if (swap !== undefined && facts.swapAccounting) values.push(['memory.swap.max', maxOr(swap)]);
  if (memory.limit) values.push(['memory.max', maxOr(memory.limit)]);
  if (memory.reservation) values.push(['memory.low', maxOr(memory.reservation)]);
  return values;
}

/**
 * v1 limits memory plus swap, v2 swap alone.
 *
 * @returns undefined when nothing was asked
 */
export function swapMax(memorySwap: number, memory: number): number | undefined {
  if (memorySwap === 0) return undefined;
  if (memorySwap === -1) return -1;
  if (memory === 0 || memory === -1) {
    throw new EngineError('invalid', 'cannot limit swap: memory has no limit of its own');
  }
  if (memorySwap < memory) throw new EngineError('invalid', 'cannot limit swap: the limit is below that of memory');
  return memorySwap - memory;
}

/**
 * v1 shares (2 to 262144, default 1024) as v2 weight (1 to 10000, default 100).
 *
 * The curve goes through the minimum, the default and the maximum of both scales, so that a default container weighs
 * as much as a default v2 cgroup; runc and crun use the same one since 2025.
 */
export function cpuWeight(shares: number): number {
  if (shares === 0) return 0;
  if (shares <= 2) return 1;
  if (shares >= 262_144) return 10_000;
  const power = Math.log2(shares);
  return Math.ceil(10 ** ((power * power + 125 * power) / 612 - 7 / 34));
}

function cpuValues(cpu: LinuxCpu): FileValue[] {
  const values: FileValue[] = [...numberValue('cpu.idle', cpu.idle)];
  // An idle group has a fixed weight that the kernel refuses to change.
  if (cpu.idle !== 1) values.push(...positiveValue('cpu.weight', cpuWeight(cpu.shares ?? 0)));
  if (cpu.quota || cpu.period) {
    const quota = cpu.quota && cpu.quota > 0 ? String(cpu.quota) : 'max';
    values.push(['cpu.max', `${quota} ${cpu.period || 100_000}`]);
  }
  values.push(...numberValue('cpu.max.burst', cpu.burst));
  return values;
}

/** v1 weight (10 to 1000) on io.weight's scale (1 to 10000). */
export function ioWeight(weight: number): number {
  return weight === 0 ? 0 : 1 + Math.floor(((weight - 10) * 9999) / 990);
}

function ioValues(block: LinuxBlockIo, facts: HostFacts): FileValue[] {
  const values: FileValue[] = [];
  const bfq = facts.blkioWeight === 'io.bfq.weight';
  const scale = (weight: number) => (bfq ? weight : ioWeight(weight));
  if (block.weight) values.push([facts.blkioWeight ?? 'io.weight', String(scale(block.weight))]);
  for (const { major, minor, weight } of block.weightDevice ?? []) {
    if (weight) values.push([facts.blkioWeight ?? 'io.weight', `${major}:${minor} ${scale(weight)}`]);
  }
  const throttles = [
    ['rbps', block.throttleReadBpsDevice],
    ['wbps', block.throttleWriteBpsDevice],
    ['riops', block.throttleReadIOPSDevice],
    ['wiops', block.throttleWriteIOPSDevice],
  ] as const;
  for (const [kind, devices] of throttles) {
    for (const { major, minor, rate } of devices ?? []) values.push(['io.max', `${major}:${minor} ${kind}=${rate}`]);
  }
  return values;
}

function unified(entries: Readonly<Record<string, string>>, context: LimitContext): FileWrite[] {
  return Object.entries(entries).flatMap(([file, data]) => {
    if (file.includes('/'))
      throw new EngineError('invalid', `cannot set "${file}": it is not the name of a cgroup file`);
    // cgroup.* files belong to the core, which has no controller to look for.
    const controller = file.startsWith('cgroup.') ? context.facts.cgroup : file.slice(0, file.indexOf('.'));
    if (typeof controller === 'string') return place(controller, [[file, data]], context);
    const mountPoint = controller.kind === 'v2' ? controller.tree.mountPoint : '';
    return [{ path: `${mountPoint}${context.cgroupPath}/${file}`, data }];
  });
}
