import type { LinuxDevice } from '@gantry/oci';
import type { HostFacts } from '@gantry/runtime';

/** A device node of the host that the container gets, with what its device cgroup allows. */
export type ResolvedDevice = LinuxDevice & { readonly access: string };

/** Everything about one start that is not in the container's row: decided or read just before it. */
export type StartFacts = {
  readonly host: HostFacts;
  /** Where the overlay is mounted inside the container's own mount namespace. */
  readonly rootPath: string;
  readonly cgroupPath: string;
  /** What the container calls itself: its own hostname, or that of the host or container whose network it shares. */
  readonly hostname: string;
  /** Host paths of the three files that are bound into /etc. */
  readonly hostsPath: string;
  readonly hostnamePath: string;
  readonly resolvConfPath: string;
  readonly network:
    | { readonly kind: 'own' }
    | { readonly kind: 'host' }
    | { readonly kind: 'path'; readonly path: string };
  /** Namespace files (`/proc/<pid>/ns/…`) of the container that a `container:` mode names; undefined for other modes. */
  readonly ipcPath: string | undefined;
  readonly pidPath: string | undefined;
  /** Init of the container whose IPC it shares, and whose /dev/shm it has instead of its own. */
  readonly shmOf: { readonly pid: number; readonly startTicks: bigint } | undefined;
  /** Host path of the container's copy of the init program, for one that uses it. */
  readonly initPath: string;
  /** `--device`, or every device of the host for a privileged container; see `resolveDevices`. */
  readonly devices: readonly ResolvedDevice[];
  /** major:minor of each path named in blkio limits. */
  readonly deviceNumbers: ReadonlyMap<string, { readonly major: number; readonly minor: number }>;
  /** CPUs that have /sys/devices/system/cpu/cpuN/thermal_throttle, which is masked. */
  readonly thermalCpus: readonly number[];
};
