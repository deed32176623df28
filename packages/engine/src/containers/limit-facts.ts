import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import type { Platform } from '@gantry/oci';
import type { HostFacts } from '@gantry/runtime';
import { highestPlatform } from '../images/index.ts';

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
  /** The most that its processor runs. */
  readonly platform: Platform;
  /** Mask of what the engine itself holds: a container cannot get more. */
  readonly capabilities: bigint;
  /** CPUs whose thermal_throttle directory tells about other tenants and is masked. */
  readonly thermalCpus: readonly number[];
};

/** Derives them from what was probed at boot, and reads the few files that the runtime has no need of. */
export function readLimitFacts(host: HostFacts): LimitFacts {
  const { cgroup } = host;
  const isV2 = cgroup.kind === 'v2';
  const controllers = isV2 ? cgroup.tree.controllers : cgroup.hierarchies.flatMap((hierarchy) => hierarchy.controllers);
  const cpu = isV2 ? undefined : cgroup.hierarchies.find((hierarchy) => hierarchy.controllers.includes('cpu'));
  const hasMemoryV1 = !isV2 && controllers.includes('memory');
  return {
    cgroupVersion: isV2 ? '2' : '1',
    controllers: new Set(controllers),
    cpus: availableParallelism(),
    platform: highestPlatform(),
    cpusetCpus: host.onlineCpus,
    cpusetMems: host.memoryNodes,
    swapLimit: host.swapAccounting,
    // Version 2 has neither knob.
    memorySwappiness: hasMemoryV1,
    oomKillDisable: hasMemoryV1,
    blkioWeight: host.blkioWeight !== undefined,
    cpuRealtime: cpu !== undefined && existsSync(`${cpu.mountPoint}/cpu.rt_runtime_us`),
    ipv4Forwarding: readIpv4Forwarding(),
    hostname: hostname(),
    capabilities: host.capabilities,
    thermalCpus: readThermalCpus(),
  };
}

/** Asked again by `info`: the engine itself switches it on with the first bridge. */
export function readIpv4Forwarding(): boolean {
  const path = '/proc/sys/net/ipv4/ip_forward';
  return existsSync(path) && readFileSync(path, 'utf8').trim() === '1';
}

function readThermalCpus(): number[] {
  const possible = readFileSync('/sys/devices/system/cpu/possible', 'utf8').trim();
  const last = Number(/(\d+)$/.exec(possible)?.[1] ?? 0);
  return Array.from({ length: last + 1 }, (_, cpu) => cpu).filter((cpu) =>
    existsSync(`/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`),
  );
}
