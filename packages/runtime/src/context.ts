import type { Act, LogSpec } from '@gantry/native';
import type { LinuxSeccomp, ProcessCapabilities, ProcessRlimit } from '@gantry/oci';
import type { HostFacts } from './facts.ts';

/**
 * Where the root filesystem comes from: a prepared directory, or an overlay that the plan mounts in the container's own
 * mount namespace (the engine's RootMount has this shape): directories relative to `cwd`, topmost lower first.
 */
export type RootSource =
  | { readonly kind: 'path'; readonly path: string }
  | {
      readonly kind: 'overlay';
      readonly cwd: string;
      readonly lower: readonly string[];
      readonly upper: string | undefined;
      readonly work: string | undefined;
      readonly target: string;
      /** Leaves out every sync of the upper directory: right only for what is removed when it ends. */
      readonly volatile?: boolean;
    };

/** The part of a ShimSpec that the caller knows; the compiler adds the terminal and the cgroup files. */
export type ShimPaths = {
  readonly taskDir: string;
  readonly exitRecord: string;
  readonly log: LogSpec;
  readonly openStdin: boolean;
  readonly stdinOnce: boolean;
};

/** Docker's USER text, looked up in the container's own files, and `--group-add`. */
export type UserText = { readonly spec: string; readonly groups: readonly string[] };

export type CompileContext = {
  /** The container's ID: names its session keyring and its default cgroup. */
  readonly id: string;
  readonly facts: HostFacts;
  readonly shim: ShimPaths;
  readonly root: RootSource;
  /** Absolute below each hierarchy's mount point, `/gantry/<id>`. Its parent exists: see `ensureCgroupParent`. */
  readonly cgroupPath: string;
  /** The network's part: `parentActs` before clone, `childActs` in the new network namespace before anything else. */
  readonly network: { readonly parentActs: readonly Act[]; readonly childActs: readonly Act[] };
  /** Takes the place of `process.user` when the image or the client gave a text. */
  readonly user?: UserText;
  /** Inside paths whose image content fills a named volume on first use; `hostTarget` is the volume's directory. */
  readonly copyUp: readonly { readonly source: string; readonly hostTarget: string }[];
  /** Make a missing working directory, as Docker does. */
  readonly createWorkingDir: boolean;
  /** False: the process keeps the session keyring of whoever starts it. */
  readonly ownKeyring?: boolean;
  /** Subdirectories of a bind's source, by mount destination: resolved below the source and never outside it. */
  readonly subpaths?: Readonly<Record<string, string>>;
  /** Binds whose source is a path in another process's mount namespace, by mount destination. */
  readonly borrowed?: Readonly<Record<string, BorrowedFrom>>;
};

/** A running process, named for ever by its PID and its start time in clock ticks since boot. */
export type BorrowedFrom = { readonly pid: number; readonly startTicks: bigint };

/** A second process in a running container. Capabilities, seccomp and limits are those of the container unless privileged. */
export type ExecProcess = {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: UserText;
  readonly terminal: boolean;
  readonly consoleSize?: { readonly rows: number; readonly columns: number };
  readonly umask?: number;
  readonly capabilities: ProcessCapabilities;
  readonly seccomp: LinuxSeccomp | undefined;
  readonly noNewPrivileges: boolean;
  readonly rlimits: readonly ProcessRlimit[];
  readonly oomScoreAdj?: number;
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
  readonly createWorkingDir: boolean;
};

/** The running container that an exec goes into. */
export type ExecTarget = {
  readonly pid: number;
  readonly startTicks: bigint;
  /** The container has a PID namespace of its own, or shares one that is not the host's. */
  readonly ownPidNamespace: boolean;
  readonly cgroupPath: string;
  readonly shim: ShimPaths;
};
