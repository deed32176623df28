/**
 * The nouns of the OCI runtime specification's config.json, version 1.3, for Linux.
 *
 * Spec: OCI runtime-spec 1.3, config.md and config-linux.md; every property of schema/config-schema.json and
 * schema/config-linux.json. Property names are the wire names. Numbers the spec calls int64 or uint64 are plain numbers:
 * a JSON document cannot carry more than 2^53 exactly anyway, and every such value fits.
 */
export const runtimeSpecVersion = '1.3.0';

export type RuntimeSpec = {
  readonly ociVersion: string;
  readonly root?: { readonly path: string; readonly readonly?: boolean };
  readonly mounts?: readonly RuntimeMount[];
  readonly process?: RuntimeProcess;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly hooks?: RuntimeHooks;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux?: LinuxSpec;
};

export type IdMapping = { readonly containerID: number; readonly hostID: number; readonly size: number };

export type RuntimeMount = {
  readonly destination: string;
  readonly type?: string;
  readonly source?: string;
  readonly options?: readonly string[];
  readonly uidMappings?: readonly IdMapping[];
  readonly gidMappings?: readonly IdMapping[];
};

export type RuntimeUser = {
  readonly uid: number;
  readonly gid: number;
  readonly umask?: number;
  readonly additionalGids?: readonly number[];
  /** Windows only; kept so that a document survives a round trip. */
  readonly username?: string;
};

export type ProcessCapabilities = {
  readonly bounding?: readonly string[];
  readonly effective?: readonly string[];
  readonly inheritable?: readonly string[];
  readonly permitted?: readonly string[];
  readonly ambient?: readonly string[];
};

export type ProcessRlimit = { readonly type: string; readonly hard: number; readonly soft: number };

export type RuntimeProcess = {
  readonly terminal?: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly cwd: string;
  readonly env?: readonly string[];
  readonly args?: readonly string[];
  readonly commandLine?: string;
  readonly user: RuntimeUser;
  readonly capabilities?: ProcessCapabilities;
  readonly rlimits?: readonly ProcessRlimit[];
  readonly noNewPrivileges?: boolean;
  readonly apparmorProfile?: string;
  readonly oomScoreAdj?: number;
  readonly selinuxLabel?: string;
  readonly ioPriority?: { readonly class: string; readonly priority?: number };
  readonly scheduler?: ProcessScheduler;
  readonly execCPUAffinity?: { readonly initial?: string; readonly final?: string };
};

export type ProcessScheduler = {
  readonly policy: string;
  readonly nice?: number;
  readonly priority?: number;
  readonly flags?: readonly string[];
  readonly runtime?: number;
  readonly deadline?: number;
  readonly period?: number;
};

export type RuntimeHook = {
  readonly path: string;
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  readonly timeout?: number;
};

export type RuntimeHooks = {
  readonly prestart?: readonly RuntimeHook[];
  readonly createRuntime?: readonly RuntimeHook[];
  readonly createContainer?: readonly RuntimeHook[];
  readonly startContainer?: readonly RuntimeHook[];
  readonly poststart?: readonly RuntimeHook[];
  readonly poststop?: readonly RuntimeHook[];
};

export type LinuxNamespaceType = 'pid' | 'network' | 'mount' | 'ipc' | 'uts' | 'user' | 'cgroup' | 'time';

export type LinuxNamespace = { readonly type: LinuxNamespaceType; readonly path?: string };

export type LinuxDevice = {
  /** `c`, `b`, `u` (as `c`) or `p`. */
  readonly type: string;
  readonly path: string;
  readonly major?: number;
  readonly minor?: number;
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
};

export type LinuxSpec = {
  readonly devices?: readonly LinuxDevice[];
  readonly netDevices?: Readonly<Record<string, { readonly name?: string }>>;
  readonly uidMappings?: readonly IdMapping[];
  readonly gidMappings?: readonly IdMapping[];
  readonly namespaces?: readonly LinuxNamespace[];
  readonly resources?: LinuxResources;
  readonly cgroupsPath?: string;
  readonly rootfsPropagation?: string;
  readonly seccomp?: LinuxSeccomp;
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly mountLabel?: string;
  readonly intelRdt?: {
    readonly closID?: string;
    readonly schemata?: readonly string[];
    readonly l3CacheSchema?: string;
    readonly memBwSchema?: string;
    readonly enableMonitoring?: boolean;
  };
  readonly memoryPolicy?: { readonly mode: string; readonly nodes?: string; readonly flags?: readonly string[] };
  readonly personality?: { readonly domain: string; readonly flags?: readonly string[] };
  readonly timeOffsets?: {
    readonly boottime?: { readonly secs?: number; readonly nanosecs?: number };
    readonly monotonic?: { readonly secs?: number; readonly nanosecs?: number };
  };
};

/** One rule of the device cgroup. An absent type, major or minor means "all". */
export type LinuxDeviceRule = {
  readonly allow: boolean;
  readonly type?: string;
  readonly major?: number;
  readonly minor?: number;
  readonly access?: string;
};

export type LinuxMemory = {
  readonly limit?: number;
  readonly reservation?: number;
  /** Memory plus swap, as cgroup v1 counts; -1 is unlimited. */
  readonly swap?: number;
  readonly kernel?: number;
  readonly kernelTCP?: number;
  readonly swappiness?: number;
  readonly disableOOMKiller?: boolean;
  readonly useHierarchy?: boolean;
  readonly checkBeforeUpdate?: boolean;
};

export type LinuxCpu = {
  readonly shares?: number;
  readonly quota?: number;
  readonly burst?: number;
  readonly period?: number;
  readonly realtimeRuntime?: number;
  readonly realtimePeriod?: number;
  readonly cpus?: string;
  readonly mems?: string;
  readonly idle?: number;
};

export type LinuxThrottleDevice = { readonly major: number; readonly minor: number; readonly rate: number };

export type LinuxWeightDevice = {
  readonly major: number;
  readonly minor: number;
  readonly weight?: number;
  readonly leafWeight?: number;
};

export type LinuxBlockIo = {
  readonly weight?: number;
  readonly leafWeight?: number;
  readonly weightDevice?: readonly LinuxWeightDevice[];
  readonly throttleReadBpsDevice?: readonly LinuxThrottleDevice[];
  readonly throttleWriteBpsDevice?: readonly LinuxThrottleDevice[];
  readonly throttleReadIOPSDevice?: readonly LinuxThrottleDevice[];
  readonly throttleWriteIOPSDevice?: readonly LinuxThrottleDevice[];
};

export type LinuxResources = {
  readonly devices?: readonly LinuxDeviceRule[];
  readonly memory?: LinuxMemory;
  readonly cpu?: LinuxCpu;
  readonly pids?: { readonly limit?: number };
  readonly blockIO?: LinuxBlockIo;
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: number }[];
  readonly network?: {
    readonly classID?: number;
    readonly priorities?: readonly { readonly name: string; readonly priority: number }[];
  };
  readonly rdma?: Readonly<Record<string, { readonly hcaHandles?: number; readonly hcaObjects?: number }>>;
  readonly unified?: Readonly<Record<string, string>>;
};

export type SeccompArgument = {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: string;
};

export type SeccompSyscall = {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly SeccompArgument[];
};

export type LinuxSeccomp = {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly flags?: readonly string[];
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly syscalls?: readonly SeccompSyscall[];
};

/** What `state` answers. Spec: runtime.md, "State". */
export type RuntimeState = {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: 'creating' | 'created' | 'running' | 'stopped';
  readonly pid?: number;
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>>;
};
