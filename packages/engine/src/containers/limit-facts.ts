/** What the machine can do, as far as creating and updating a container depends on it. */
export type LimitFacts = {
  readonly cgroupVersion: '1' | '2';
  /** cgroup controllers that are mounted or enabled: `memory`, `cpu`, `cpuset`, `pids`, `blkio` (v2: `io`), `devices`, … */
  readonly controllers: ReadonlySet<string>;
  readonly cpus: number;
  /** Lists such as `0-3,7`, of the root cpuset. */
  readonly cpusetCpus: string;
  readonly cpusetMems: string;
  readonly swapLimit: boolean;
  readonly memorySwappiness: boolean;
  readonly oomKillDisable: boolean;
  readonly blkioWeight: boolean;
  readonly cpuRealtime: boolean;
  readonly ipv4Forwarding: boolean;
  readonly hostname: string;
};
