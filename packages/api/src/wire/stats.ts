/** Docker's stats document. Empty objects and absent members are Go's `omitempty`. */
export type BlkioEntryWire = { major: number; minor: number; op: string; value: number };

export type CpuStatsWire = {
  cpu_usage: {
    total_usage: number;
    percpu_usage?: readonly number[];
    usage_in_kernelmode: number;
    usage_in_usermode: number;
  };
  system_cpu_usage?: number;
  online_cpus?: number;
  throttling_data: { periods: number; throttled_periods: number; throttled_time: number };
};

export type MemoryStatsWire = {
  usage?: number;
  max_usage?: number;
  stats?: Readonly<Record<string, number>>;
  failcnt?: number;
  limit?: number;
};

export type NetworkStatsWire = {
  rx_bytes: number;
  rx_packets: number;
  rx_errors: number;
  rx_dropped: number;
  tx_bytes: number;
  tx_packets: number;
  tx_errors: number;
  tx_dropped: number;
};

export type StatsWire = {
  name: string;
  id: string;
  read: string;
  preread: string;
  pids_stats: { current?: number; limit?: number };
  blkio_stats: {
    io_service_bytes_recursive: readonly BlkioEntryWire[] | null;
    io_serviced_recursive: readonly BlkioEntryWire[] | null;
    io_queue_recursive: readonly BlkioEntryWire[] | null;
    io_service_time_recursive: readonly BlkioEntryWire[] | null;
    io_wait_time_recursive: readonly BlkioEntryWire[] | null;
    io_merged_recursive: readonly BlkioEntryWire[] | null;
    io_time_recursive: readonly BlkioEntryWire[] | null;
    sectors_recursive: readonly BlkioEntryWire[] | null;
  };
  num_procs: number;
  storage_stats: Readonly<Record<string, never>>;
  cpu_stats: CpuStatsWire;
  precpu_stats: CpuStatsWire;
  memory_stats: MemoryStatsWire;
  networks?: Readonly<Record<string, NetworkStatsWire>>;
};
