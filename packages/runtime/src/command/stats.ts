import { existsSync, readdirSync } from 'node:fs';
import {
  type BlockEntry,
  type Counter,
  parseBlockEntries,
  parseCounter,
  parseCounters,
  parseIoEntries,
  parseRanges,
} from '../cgroup/counters.ts';
import { readKernelText } from '../cgroup/key-values.ts';
import { controllerDirectory } from '../cgroup/layout.ts';
import type { CgroupLayout } from '../facts.ts';

/** Reads files of one cgroup by their controller; what is missing reads as nothing. */
type Files = {
  text(controller: string, file: string): string;
  number(controller: string, file: string): Counter;
  list(controller: string): readonly string[];
};

/**
 * What a container uses, as the data of runc's `stats` event, whose keys are its own.
 *
 * Fact: the document that runc 1.3 prints. Network interfaces are there those of a configuration that config.json has
 * not: always null.
 */
export function readStats(layout: CgroupLayout, cgroupPath: string) {
  const at = (controller: string): string => controllerDirectory(layout, controller, cgroupPath) ?? '';
  const text = (controller: string, file: string): string =>
    at(controller) === '' ? '' : readKernelText(`${at(controller)}/${file}`);
  const files: Files = {
    text,
    number: (controller, file) => parseCounter(text(controller, file)),
    list: (controller) => (existsSync(at(controller)) ? readdirSync(at(controller)) : []),
  };
  const limit = text('pids', 'pids.max').trim() === 'max' ? 0n : files.number('pids', 'pids.max');
  return {
    ...(layout.kind === 'v2' ? readV2(files) : readV1(files)),
    pids: present({ current: files.number('pids', 'pids.current'), limit }),
    intel_rdt: {},
    network_interfaces: null,
  };
}

/** runc leaves out these counters while they are 0. */
function present(counters: Readonly<Record<string, Counter>>): Record<string, Counter> {
  return Object.fromEntries(Object.entries(counters).filter(([, value]) => value !== 0n));
}

const nanosPerTick = 10_000_000n;

function readV1(files: Files) {
  const times = parseCounters(files.text('cpuacct', 'cpuacct.stat'));
  const throttling = parseCounters(files.text('cpu', 'cpu.stat'));
  const perCpu = [...files.text('cpuacct', 'cpuacct.usage_all').matchAll(/^\d+ (\d+) (\d+)$/gm)];
  const entry = (prefix: string) =>
    memoryEntry({
      limit: files.number('memory', `${prefix}.limit_in_bytes`),
      usage: files.number('memory', `${prefix}.usage_in_bytes`),
      max: files.number('memory', `${prefix}.max_usage_in_bytes`),
      failcnt: files.number('memory', `${prefix}.failcnt`),
    });
  const raw = parseCounters(files.text('memory', 'memory.stat'));
  return {
    cpu: {
      usage: {
        ...present({ total: files.number('cpuacct', 'cpuacct.usage') }),
        percpu: files.text('cpuacct', 'cpuacct.usage_percpu').trim().split(' ').map(parseCounter),
        percpu_kernel: perCpu.map((match) => parseCounter(match[2] ?? '')),
        percpu_user: perCpu.map((match) => parseCounter(match[1] ?? '')),
        kernel: (times.system ?? 0n) * nanosPerTick,
        user: (times.user ?? 0n) * nanosPerTick,
      },
      throttling: present({
        periods: throttling.nr_periods ?? 0n,
        throttledPeriods: throttling.nr_throttled ?? 0n,
        throttledTime: throttling.throttled_time ?? 0n,
      }),
    },
    cpuset: readCpuset(files),
    memory: {
      ...present({ cache: raw.cache ?? 0n }),
      usage: entry('memory'),
      swap: entry('memory.memsw'),
      kernel: entry('memory.kmem'),
      kernelTCP: entry('memory.kmem.tcp'),
      raw,
    },
    blkio: blockIo(
      parseBlockEntries(files.text('blkio', 'blkio.throttle.io_service_bytes_recursive')),
      parseBlockEntries(files.text('blkio', 'blkio.throttle.io_serviced_recursive')),
    ),
    hugetlb: readHugepages(files, { usage: 'usage_in_bytes', max: 'max_usage_in_bytes', failcnt: 'failcnt' }),
  };
}

function readV2(files: Files) {
  const stat = parseCounters(files.text('cpu', 'cpu.stat'));
  const usage = files.number('memory', 'memory.current');
  const failcnt = parseCounters(files.text('memory', 'memory.events')).max ?? 0n;
  const io = files.text('io', 'io.stat');
  const empty = memoryEntry({ limit: 0n, usage: 0n, max: 0n, failcnt: 0n });
  return {
    cpu: {
      usage: {
        ...present({ total: (stat.usage_usec ?? 0n) * 1000n }),
        kernel: (stat.system_usec ?? 0n) * 1000n,
        user: (stat.user_usec ?? 0n) * 1000n,
      },
      throttling: present({
        periods: stat.nr_periods ?? 0n,
        throttledPeriods: stat.nr_throttled ?? 0n,
        throttledTime: (stat.throttled_usec ?? 0n) * 1000n,
      }),
    },
    cpuset: {},
    memory: {
      usage: memoryEntry({
        limit: files.number('memory', 'memory.max'),
        usage,
        max: files.number('memory', 'memory.peak'),
        failcnt,
      }),
      // v1's terms: memory and swap together.
      swap: memoryEntry({
        limit: files.number('memory', 'memory.swap.max'),
        usage: usage + files.number('memory', 'memory.swap.current'),
        max: 0n,
        failcnt: 0n,
      }),
      kernel: empty,
      kernelTCP: empty,
      raw: parseCounters(files.text('memory', 'memory.stat')),
    },
    blkio: blockIo(
      parseIoEntries(io, { Read: 'rbytes', Write: 'wbytes' }),
      parseIoEntries(io, { Read: 'rios', Write: 'wios' }),
    ),
    hugetlb: readHugepages(files, { usage: 'current', max: '', failcnt: '' }),
  };
}

type MemoryCounts = Readonly<Record<'limit' | 'usage' | 'max' | 'failcnt', Counter>>;

const memoryEntry = ({ limit, usage, max, failcnt }: MemoryCounts) => ({
  limit,
  ...present({ usage, max }),
  failcnt,
});

const blockIo = (bytes: readonly BlockEntry[], operations: readonly BlockEntry[]) => ({
  ...(bytes.length === 0 ? {} : { ioServiceBytesRecursive: bytes }),
  ...(operations.length === 0 ? {} : { ioServicedRecursive: operations }),
});

const cpusetNumbers = [
  'cpu_exclusive',
  'mem_hardwall',
  'mem_exclusive',
  'memory_migrate',
  'memory_spread_page',
  'memory_spread_slab',
  'memory_pressure',
  'sched_load_balance',
  'sched_relax_domain_level',
] as const;

function readCpuset(files: Files) {
  return {
    cpus: parseRanges(files.text('cpuset', 'cpuset.cpus')),
    mems: parseRanges(files.text('cpuset', 'cpuset.mems')),
    ...Object.fromEntries(cpusetNumbers.map((name) => [name, files.number('cpuset', `cpuset.${name}`)] as const)),
  };
}

function readHugepages(files: Files, names: Readonly<Record<'usage' | 'max' | 'failcnt', string>>) {
  const sizes = files.list('hugetlb').flatMap((file) => {
    const match = /^hugetlb\.(\w+)\.(\w+)$/.exec(file);
    return match?.[1] !== undefined && match[2] === names.usage && !match[1].endsWith('rsvd') ? [match[1]] : [];
  });
  const count = (size: string, file: string): Counter =>
    file === '' ? 0n : files.number('hugetlb', `hugetlb.${size}.${file}`);
  return Object.fromEntries(
    sizes.map((size) => [
      size,
      {
        ...present({ usage: count(size, names.usage), max: count(size, names.max) }),
        failcnt: count(size, names.failcnt),
      },
    ]),
  );
}
