import type { BlkioEntryWire, CpuStatsWire, MemoryStatsWire, StatsWire } from '@gantry/api';
import { formatBinarySize, formatSize, shortId } from '@gantry/base';
import { TemplateRow } from '../template/row.ts';
import type { Headings } from './list-format.ts';

export const statsHeadings: Headings = {
  Container: 'CONTAINER',
  Name: 'NAME',
  ID: 'CONTAINER ID',
  CPUPerc: 'CPU %',
  MemUsage: 'MEM USAGE / LIMIT',
  MemPerc: 'MEM %',
  NetIO: 'NET I/O',
  BlockIO: 'BLOCK I/O',
  PIDs: 'PIDS',
};

export const statsTable =
  'table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}';

/** A container and the last that was heard of it; undefined: nothing, or nothing any more. */
export type StatsEntry = { readonly container: string; readonly stats: StatsWire | undefined };

const unknown = '--';

/** One line of `stats`. */
export function statsRow({ container, stats }: StatsEntry, isTruncated: boolean): TemplateRow {
  const id = stats?.id ?? container;
  const of =
    (show: (known: StatsWire) => string, otherwise = unknown): (() => string) =>
    () =>
      stats === undefined ? otherwise : show(stats);
  return new TemplateRow('*container.statsContext', {
    Container: () => container,
    Name: of(({ name }) => name.replace(/^\//, '') || unknown),
    ID: () => (isTruncated ? shortId(id) : id),
    CPUPerc: of((known) => percent(cpuPercent(known.precpu_stats, known.cpu_stats))),
    MemUsage: of(({ memory_stats: memory }) => {
      return `${formatBinarySize(usedMemory(memory))} / ${formatBinarySize(memory.limit ?? 0)}`;
    }, '-- / --'),
    MemPerc: of(({ memory_stats: memory }) => {
      return percent(memory.limit ? (usedMemory(memory) / memory.limit) * 100 : 0);
    }),
    NetIO: of((known) => pair(networkBytes(known, 'rx_bytes'), networkBytes(known, 'tx_bytes'))),
    BlockIO: of(({ blkio_stats: { io_service_bytes_recursive: entries } }) => {
      return pair(blockBytes(entries, 'r'), blockBytes(entries, 'w'));
    }),
    PIDs: of(({ pids_stats: pids }) => String(pids?.current ?? 0)),
  });
}

function percent(value: number): string {
  return `${value.toFixed(2)}%`;
}

function pair(left: number, right: number): string {
  return `${formatSize(left, 3)} / ${formatSize(right, 3)}`;
}

/** The share of all processors' time, 100 for each processor. */
function cpuPercent(before: CpuStatsWire, now: CpuStatsWire): number {
  const used = now.cpu_usage.total_usage - before.cpu_usage.total_usage;
  const passed = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  const cpus = now.online_cpus || (now.cpu_usage.percpu_usage ?? []).length;
  return passed > 0 && used > 0 ? (used / passed) * cpus * 100 : 0;
}

/** Memory without the page cache that the kernel would give back at once; its name differs by cgroup version. */
function usedMemory({ usage = 0, stats = {} }: MemoryStatsWire): number {
  const inactive = stats.total_inactive_file ?? stats.inactive_file ?? 0;
  return inactive < usage ? usage - inactive : usage;
}

function networkBytes({ networks }: StatsWire, counter: 'rx_bytes' | 'tx_bytes'): number {
  return Object.values(networks ?? {}).reduce((sum, network) => sum + network[counter], 0);
}

function blockBytes(entries: readonly BlkioEntryWire[] | null, direction: 'r' | 'w'): number {
  const chosen = (entries ?? []).filter(({ op }) => op.toLowerCase().startsWith(direction));
  return chosen.reduce((sum, { value }) => sum + value, 0);
}
