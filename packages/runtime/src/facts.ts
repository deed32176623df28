/** What the compilers decide by, as `probeHostFacts` read it once: plain values, so that a golden test can name any host. */
export type Architecture = 'amd64' | 'arm64';

/** One mounted cgroup v1 hierarchy. */
export type CgroupV1Hierarchy = {
  readonly mountPoint: string;
  /** `memory`, or several when mounted together; empty for a named hierarchy. */
  readonly controllers: readonly string[];
  /** `systemd` for a hierarchy mounted with name=systemd. */
  readonly name: string | undefined;
};

export type CgroupV2Tree = {
  readonly mountPoint: string;
  readonly controllers: readonly string[];
};

/**
 * Where control groups live: `v1` (hierarchies only), `v2` (one tree with the controllers), or `hybrid`: v1 hierarchies
 * hold the controllers beside a v2 tree that has none of those used here.
 */
export type CgroupLayout =
  | { readonly kind: 'v1'; readonly hierarchies: readonly CgroupV1Hierarchy[] }
  | { readonly kind: 'hybrid'; readonly hierarchies: readonly CgroupV1Hierarchy[]; readonly tree: CgroupV2Tree }
  | { readonly kind: 'v2'; readonly tree: CgroupV2Tree };

export type ResourceLimit = { readonly soft: bigint; readonly hard: bigint };

export type HostFacts = {
  readonly architecture: Architecture;
  readonly kernelRelease: string;
  readonly kernel: { readonly major: number; readonly minor: number };
  readonly cgroup: CgroupLayout;
  readonly seccomp: boolean;
  readonly apparmor: boolean;
  readonly selinux: boolean;
  /** Mask of what the daemon itself holds: a container cannot get more. */
  readonly capabilities: bigint;
  /** memory+swap can be limited. */
  readonly swapAccounting: boolean;
  /** Lists as the kernel prints them: `0-1`. */
  readonly onlineCpus: string;
  readonly memoryNodes: string;
  /** The daemon's own limits, by resource number. */
  readonly rlimits: Readonly<Record<number, ResourceLimit>>;
  readonly timeNamespace: boolean;
  /** The file that takes block I/O weights in a container's cgroup; undefined when this kernel has none. */
  readonly blkioWeight: 'blkio.weight' | 'blkio.bfq.weight' | 'io.weight' | 'io.bfq.weight' | undefined;
};

/** All ones: RLIM_INFINITY. */
export const unlimited = 0xffff_ffff_ffff_ffffn;
