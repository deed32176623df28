import { EngineError } from '@gantry/base';
import type { LinuxBlockIo, LinuxCpu, LinuxMemory, LinuxResources } from '@gantry/oci';
import type { HostFacts } from '../facts.ts';
import type { FileWrite } from './file-write.ts';
import { controllerDirectory } from './layout.ts';

export type LimitContext = {
  readonly facts: HostFacts;
  readonly cgroupPath: string;
  /** The memory limit in force, on an update: decides which of the two memory files must be written first. */
  readonly currentMemoryLimit?: number;
};

/**
 * The limits of a container as writes to cgroup v1 files. Devices are apart: see device-rules.ts.
 *
 * @throws unsupported when a limit needs a controller that the host does not have
 */
export function v1Limits(resources: LinuxResources, context: LimitContext): FileWrite[] {
  if (resources.unified !== undefined && Object.keys(resources.unified).length > 0) {
    throw new EngineError('invalid', 'cannot set "linux.resources.unified": the host has cgroup v1');
  }
  return [
    ...place('cpuset', cpusetValues(resources.cpu ?? {}), context),
    ...place('memory', memoryValues(resources.memory ?? {}, context), context),
    ...place('cpu', cpuValues(resources.cpu ?? {}), context),
    ...place('pids', pidsValues(resources.pids?.limit), context),
    ...place('blkio', blkioValues(resources.blockIO ?? {}, context.facts), context),
    ...place('hugetlb', hugepageValues(resources), context),
    ...place('net_cls', numberValue('net_cls.classid', resources.network?.classID), context),
    ...place('net_prio', priorityValues(resources), context),
    ...place('rdma', rdmaValues(resources), context),
  ];
}

/** File name and value, before it is known where the controller is mounted. */
export type FileValue = readonly [file: string, data: string];

/** Puts values of a controller at their paths. @throws unsupported when there are some and the controller is missing */
export function place(controller: string, values: readonly FileValue[], context: LimitContext): FileWrite[] {
  const [first] = values;
  if (first === undefined) return [];
  const directory = controllerDirectory(context.facts.cgroup, controller, context.cgroupPath);
  if (directory === undefined) {
    throw new EngineError('unsupported', `cannot set "${first[0]}": the host has no cgroup controller "${controller}"`);
  }
  return values.map(([file, data]) => ({ path: `${directory}/${file}`, data }));
}

export function numberValue(file: string, value: number | undefined): FileValue[] {
  return value === undefined ? [] : [[file, String(value)]];
}

/** As numberValue, for fields where config.json writers mean "not set" by zero. */
export function positiveValue(file: string, value: number | undefined): FileValue[] {
  return value === undefined || value === 0 ? [] : [[file, String(value)]];
}

function cpusetValues(cpu: LinuxCpu): FileValue[] {
  const values: FileValue[] = [];
  if (cpu.cpus) values.push(['cpuset.cpus', cpu.cpus]);
  if (cpu.mems) values.push(['cpuset.mems', cpu.mems]);
  return values;
}

/**
 * The kernel refuses a memory limit above memory+swap at every moment, so when both change the one that widens goes
 * first. A limit of -1 with no word on swap lifts both.
 */
function memoryValues(memory: LinuxMemory, context: LimitContext): FileValue[] {
  const swap = memory.limit === -1 && !memory.swap ? -1 : memory.swap;
  const limits = positiveValue('memory.limit_in_bytes', memory.limit);
  const swaps = context.facts.swapAccounting ? positiveValue('memory.memsw.limit_in_bytes', swap) : [];
  const widens =
    swap === -1 ||
    (context.currentMemoryLimit !== undefined && swap !== undefined && context.currentMemoryLimit < swap);
  const values = widens ? [...swaps, ...limits] : [...limits, ...swaps];
  values.push(
    ...positiveValue('memory.soft_limit_in_bytes', memory.reservation),
    ...positiveValue('memory.kmem.tcp.limit_in_bytes', memory.kernelTCP),
    ...numberValue('memory.swappiness', memory.swappiness),
  );
  if (memory.disableOOMKiller === true) values.push(['memory.oom_control', '1']);
  return values;
}

function cpuValues(cpu: LinuxCpu): FileValue[] {
  return [
    ...positiveValue('cpu.shares', cpu.shares),
    ...positiveValue('cpu.cfs_period_us', cpu.period),
    ...positiveValue('cpu.cfs_quota_us', cpu.quota),
    ...numberValue('cpu.cfs_burst_us', cpu.burst),
    ...positiveValue('cpu.rt_period_us', cpu.realtimePeriod),
    ...positiveValue('cpu.rt_runtime_us', cpu.realtimeRuntime),
    ...numberValue('cpu.idle', cpu.idle),
  ];
}

export function pidsValues(limit: number | undefined): FileValue[] {
  if (limit === undefined) return [];
  return [['pids.max', limit < 0 ? 'max' : String(limit)]];
}

function blkioValues(block: LinuxBlockIo, facts: HostFacts): FileValue[] {
  const values: FileValue[] = [];
  const weights = block.weightDevice ?? [];
  if (block.weight || weights.length > 0) {
    const file = facts.blkioWeight;
    if (file === undefined)
      throw new EngineError('unsupported', 'cannot set block I/O weight: the host has no such file');
    values.push(...positiveValue(file, block.weight));
    for (const { major, minor, weight } of weights) {
      if (weight !== undefined) values.push([`${file}_device`, `${major}:${minor} ${weight}`]);
    }
  }
  const throttles = [
    ['read_bps', block.throttleReadBpsDevice],
    ['write_bps', block.throttleWriteBpsDevice],
    ['read_iops', block.throttleReadIOPSDevice],
    ['write_iops', block.throttleWriteIOPSDevice],
  ] as const;
  for (const [kind, devices] of throttles) {
    for (const { major, minor, rate } of devices ?? []) {
      values.push([`blkio.throttle.${kind}_device`, `${major}:${minor} ${rate}`]);
    }
  }
  return values;
}

function hugepageValues(resources: LinuxResources): FileValue[] {
  return (resources.hugepageLimits ?? []).map(({ pageSize, limit }) => [
    `hugetlb.${pageSize}.limit_in_bytes`,
    String(limit),
  ]);
}

function priorityValues(resources: LinuxResources): FileValue[] {
  return (resources.network?.priorities ?? []).map(({ name, priority }) => [
    'net_prio.ifpriomap',
    `${name} ${priority}`,
  ]);
}

export function rdmaValues(resources: LinuxResources): FileValue[] {
  return Object.entries(resources.rdma ?? {}).map(([device, { hcaHandles, hcaObjects }]) => {
    const handles = hcaHandles === undefined ? '' : ` hca_handle=${hcaHandles}`;
    const objects = hcaObjects === undefined ? '' : ` hca_object=${hcaObjects}`;
    return ['rdma.max', `${device}${handles}${objects}`];
  });
}
