import { type BlkioEntryWire, type CpuStatsWire, formatTime, type NetworkStatsWire, type StatsWire } from '@gantry/api';
import type { NetworkCounters, StatsSample } from '@gantry/engine';

const noCpu: CpuStatsWire = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

function printCpu(sample: StatsSample | undefined): CpuStatsWire {
  if (sample === undefined) return noCpu;
  return {
    cpu_usage: {
      total_usage: sample.cpuTotalNanos,
      ...(sample.perCpuNanos.length === 0 ? {} : { percpu_usage: sample.perCpuNanos }),
      usage_in_kernelmode: sample.cpuKernelNanos,
      usage_in_usermode: sample.cpuUserNanos,
    },
    system_cpu_usage: sample.systemCpuNanos,
    online_cpus: sample.onlineCpus,
    throttling_data: {
      periods: sample.periods,
      throttled_periods: sample.throttledPeriods,
      throttled_time: sample.throttledNanos,
    },
  };
}

function printBlkio(sample: StatsSample | undefined, of: 'bytes' | 'ios'): BlkioEntryWire[] | null {
  if (sample === undefined) return null;
  return sample.blkio.map((entry) => ({ major: entry.major, minor: entry.minor, op: entry.op, value: entry[of] }));
}

function printCounters(counters: NetworkCounters): NetworkStatsWire {
  return {
    rx_bytes: counters.rxBytes,
    rx_packets: counters.rxPackets,
    rx_errors: counters.rxErrors,
    rx_dropped: counters.rxDropped,
    tx_bytes: counters.txBytes,
    tx_packets: counters.txPackets,
    tx_errors: counters.txErrors,
    tx_dropped: counters.txDropped,
  };
}

function printMemory(sample: StatsSample): StatsWire['memory_stats'] {
  return {
    usage: sample.memoryUsageBytes,
    ...(sample.memoryMaxUsageBytes === 0 ? {} : { max_usage: sample.memoryMaxUsageBytes }),
    stats: sample.memoryStats,
    ...(sample.memoryFailCount === 0 ? {} : { failcnt: sample.memoryFailCount }),
    limit: sample.memoryLimitBytes,
  };
}

function printPids(sample: StatsSample): StatsWire['pids_stats'] {
  return { current: sample.pids, ...(sample.pidsLimit === 0 ? {} : { limit: sample.pidsLimit }) };
}

function printNetworks(sample: StatsSample): Pick<StatsWire, 'networks'> {
  const entries = Object.entries(sample.networks);
  if (entries.length === 0) return {};
  return { networks: Object.fromEntries(entries.map(([name, counters]) => [name, printCounters(counters)])) };
}

/**
 * Docker's stats document, from two samples: clients compute percentages from the difference.
 *
 * @param samples `now` undefined: the container does not run, and everything is zero; `before` undefined: there was none
 */
export function printStats(
  container: { id: string; name: string },
  samples: { now: StatsSample | undefined; before: StatsSample | undefined },
): StatsWire {
  const { now, before } = samples;
  // Kernels stopped counting these; Docker still lists them for a container that runs.
  const uncounted = now === undefined ? null : [];
  return {
    name: `/${container.name}`,
    id: container.id,
    read: formatTime(now?.readAt),
    preread: formatTime(before?.readAt),
    pids_stats: now === undefined ? {} : printPids(now),
    blkio_stats: {
      io_service_bytes_recursive: printBlkio(now, 'bytes'),
      io_serviced_recursive: printBlkio(now, 'ios'),
      io_queue_recursive: uncounted,
      io_service_time_recursive: uncounted,
      io_wait_time_recursive: uncounted,
      io_merged_recursive: uncounted,
      io_time_recursive: uncounted,
      sectors_recursive: uncounted,
    },
    num_procs: 0,
    storage_stats: {},
    cpu_stats: printCpu(now),
    precpu_stats: printCpu(before),
    memory_stats: now === undefined ? {} : printMemory(now),
    ...(now === undefined ? {} : printNetworks(now)),
  };
}
