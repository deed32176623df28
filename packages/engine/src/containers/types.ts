/**
 * The nouns of a container as a user asks for it: Docker's Config and HostConfig in the engine's own words.
 * Absent means "not given"; `mergeConfig` lays them over the image's config, `composeConfig` turns them into an OCI
 * config.json. The API package's codecs translate wire names; nothing here knows an API version.
 */

export type HealthConfig = {
  readonly test: readonly string[];
  readonly intervalNanos: number;
  readonly timeoutNanos: number;
  readonly startPeriodNanos: number;
  readonly startIntervalNanos: number;
  readonly retries: number;
};

/** What one run of a probe said. `exitCode` -1: it could not run, or took too long. */
export type ProbeResult = {
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly exitCode: number;
  readonly output: string;
};

export type Health = {
  readonly status: 'starting' | 'healthy' | 'unhealthy';
  /** How many probes have failed since the last that did not. */
  readonly failingStreak: number;
  /** The last few results, oldest first. */
  readonly log: readonly ProbeResult[];
};

export type ContainerConfig = {
  readonly hostname: string;
  readonly domainname: string;
  readonly user: string;
  readonly attachStdin: boolean;
  readonly attachStdout: boolean;
  readonly attachStderr: boolean;
  /** Port specs such as `80/tcp`. */
  readonly exposedPorts: readonly string[];
  readonly tty: boolean;
  readonly openStdin: boolean;
  readonly stdinOnce: boolean;
  readonly env: readonly string[];
  readonly cmd: readonly string[] | undefined;
  readonly entrypoint: readonly string[] | undefined;
  readonly healthcheck: HealthConfig | undefined;
  readonly argsEscaped: boolean;
  /** The reference as the user wrote it. */
  readonly image: string;
  /** Mount points of anonymous volumes. */
  readonly volumes: readonly string[];
  readonly workingDir: string;
  readonly networkDisabled: boolean;
  readonly macAddress: string;
  readonly onBuild: readonly string[] | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal: string;
  readonly stopTimeoutSeconds: number | undefined;
  readonly shell: readonly string[] | undefined;
};

export type PortBinding = { readonly hostIp: string; readonly hostPort: string };

export type RestartPolicy = {
  readonly name: '' | 'no' | 'always' | 'unless-stopped' | 'on-failure';
  readonly maximumRetryCount: number;
};

export type DeviceMapping = {
  readonly pathOnHost: string;
  readonly pathInContainer: string;
  readonly cgroupPermissions: string;
};
export type DeviceRequest = {
  readonly driver: string;
  readonly count: number;
  readonly deviceIds: readonly string[];
  readonly capabilities: readonly (readonly string[])[];
  readonly options: Readonly<Record<string, string>>;
};
export type ThrottleDevice = { readonly path: string; readonly rate: number };
export type WeightDevice = { readonly path: string; readonly weight: number };
export type Ulimit = { readonly name: string; readonly soft: number; readonly hard: number };

export type MountSpec = {
  readonly type: 'bind' | 'volume' | 'tmpfs' | 'image' | 'npipe' | 'cluster';
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  readonly consistency: string;
  readonly bindOptions:
    | {
        readonly propagation: string;
        readonly nonRecursive: boolean;
        readonly createMountpoint: boolean;
        readonly readOnlyNonRecursive: boolean;
        readonly readOnlyForceRecursive: boolean;
      }
    | undefined;
  readonly volumeOptions:
    | {
        readonly noCopy: boolean;
        readonly labels: Readonly<Record<string, string>>;
        readonly driver: { readonly name: string; readonly options: Readonly<Record<string, string>> } | undefined;
        readonly subpath: string;
      }
    | undefined;
  readonly tmpfsOptions:
    | { readonly sizeBytes: number; readonly mode: number; readonly options: readonly (readonly string[])[] }
    | undefined;
  readonly imageOptions: { readonly subpath: string } | undefined;
};

/** Limits that `update` can change on a running container. Zero means "not set", as in Docker. */
export type Resources = {
  readonly cpuShares: number;
  readonly memoryBytes: number;
  readonly nanoCpus: number;
  readonly cgroupParent: string;
  readonly blkioWeight: number;
  readonly blkioWeightDevice: readonly WeightDevice[];
  readonly blkioDeviceReadBps: readonly ThrottleDevice[];
  readonly blkioDeviceWriteBps: readonly ThrottleDevice[];
  readonly blkioDeviceReadIops: readonly ThrottleDevice[];
  readonly blkioDeviceWriteIops: readonly ThrottleDevice[];
  readonly cpuPeriod: number;
  readonly cpuQuota: number;
  readonly cpuRealtimePeriod: number;
  readonly cpuRealtimeRuntime: number;
  readonly cpusetCpus: string;
  readonly cpusetMems: string;
  readonly devices: readonly DeviceMapping[];
  readonly deviceCgroupRules: readonly string[];
  readonly deviceRequests: readonly DeviceRequest[];
  readonly memoryReservationBytes: number;
  /** Memory plus swap; -1 is unlimited. */
  readonly memorySwapBytes: number;
  readonly memorySwappiness: number | undefined;
  readonly oomKillDisable: boolean | undefined;
  readonly pidsLimit: number | undefined;
  readonly ulimits: readonly Ulimit[];
};

export type HostConfig = Resources & {
  readonly binds: readonly string[];
  readonly containerIdFile: string;
  readonly logConfig: { readonly type: string; readonly config: Readonly<Record<string, string>> };
  /** `default`, `bridge`, `host`, `none`, `container:<id>` or a network's name. */
  readonly networkMode: string;
  /** `80/tcp` → bindings. */
  readonly portBindings: Readonly<Record<string, readonly PortBinding[]>>;
  readonly restartPolicy: RestartPolicy;
  readonly autoRemove: boolean;
  readonly volumeDriver: string;
  readonly volumesFrom: readonly string[];
  readonly mounts: readonly MountSpec[];
  readonly consoleSize: readonly [rows: number, columns: number];
  readonly annotations: Readonly<Record<string, string>>;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly cgroupnsMode: string;
  readonly dns: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly extraHosts: readonly string[];
  readonly groupAdd: readonly string[];
  readonly ipcMode: string;
  readonly cgroup: string;
  readonly links: readonly string[];
  readonly oomScoreAdj: number;
  readonly pidMode: string;
  readonly privileged: boolean;
  readonly publishAllPorts: boolean;
  readonly readonlyRootfs: boolean;
  readonly securityOpt: readonly string[];
  readonly storageOpt: Readonly<Record<string, string>>;
  readonly tmpfs: Readonly<Record<string, string>>;
  readonly utsMode: string;
  readonly usernsMode: string;
  readonly shmSizeBytes: number;
  readonly sysctls: Readonly<Record<string, string>>;
  readonly runtime: string;
  readonly isolation: string;
  /** undefined: the defaults; empty: none. */
  readonly maskedPaths: readonly string[] | undefined;
  readonly readonlyPaths: readonly string[] | undefined;
  readonly init: boolean | undefined;
};

/** What a user asks of one attachment to a network. */
export type EndpointConfig = {
  readonly ipv4Address: string;
  readonly ipv6Address: string;
  readonly linkLocalIps: readonly string[];
  readonly links: readonly string[];
  readonly aliases: readonly string[];
  readonly macAddress: string;
  readonly driverOpts: Readonly<Record<string, string>>;
  readonly gwPriority: number;
};

export type CreateRequest = {
  /** Empty: a name is made up. */
  readonly name: string;
  readonly platform: string;
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  readonly endpoints: Readonly<Record<string, EndpointConfig>>;
};

export type ContainerStatus =
  /** `failure`: the start that was tried and why it failed. */
  | { readonly kind: 'created'; readonly failure?: { readonly exitCode: number; readonly error: string } }
  | { readonly kind: 'running'; readonly pid: number; readonly startedAt: Date; readonly paused: boolean }
  | { readonly kind: 'restarting'; readonly exitCode: number; readonly startedAt: Date; readonly finishedAt: Date }
  | { readonly kind: 'removing' }
  | {
      readonly kind: 'exited';
      readonly exitCode: number;
      readonly oomKilled: boolean;
      /** Why it could not start; empty after an ordinary exit. */
      readonly error: string;
      readonly startedAt: Date | undefined;
      readonly finishedAt: Date;
    }
  | { readonly kind: 'dead' };

/** A mount as resolved at creation: what inspect shows under Mounts and what the start mounts. */
export type MountPoint = {
  readonly type: 'bind' | 'volume' | 'tmpfs' | 'image';
  /** Volume name; empty for binds. */
  readonly name: string;
  /** Host path. */
  readonly source: string;
  readonly destination: string;
  readonly driver: string;
  readonly mode: string;
  readonly writable: boolean;
  readonly propagation: string;
  readonly subpath: string;
  /** Recursive bind, as Docker's default. */
  readonly recursive: boolean;
  /** A volume that takes the image's content when empty. */
  readonly copyUp: boolean;
  readonly tmpfsOptions: readonly string[];
  /** A read-only bind whose submounts stay as they are. */
  readonly submountsWritable?: boolean;
  /** `-v` makes a missing bind source as a directory; `--mount` does not. */
  readonly createSource?: boolean;
};

/** The row: what should exist. */
export type ContainerRecord = {
  readonly id: string;
  /** Without the slash. */
  readonly name: string;
  readonly createdAt: Date;
  readonly imageId: string;
  /** chain ID of the image's snapshot. */
  readonly chainId: string;
  readonly platform: string;
  /** Already merged with the image's config. */
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  readonly mountPoints: readonly MountPoint[];
  /** path and args: entrypoint and cmd joined. */
  readonly command: readonly string[];
  readonly status: ContainerStatus;
  readonly restartCount: number;
  /** A user stopped it: `unless-stopped` does not start it at boot. */
  readonly stoppedByUser: boolean;
};
