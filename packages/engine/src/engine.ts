import type { Duplex } from 'node:stream';
import type { PathStat } from '@gantry/layer';
import type {
  ContainerConfig,
  ContainerRecord,
  CreateRequest,
  EndpointConfig,
  Health,
  Resources,
  RestartPolicy,
} from './containers/types.ts';
import type { EngineEvent, EventSink, RunsAround } from './events/types.ts';
import type { ImageRoom } from './images/types.ts';
import type { EndpointRecord, NetworkRoom, PublishedPort } from './network/types.ts';
import type { StackPaths } from './snapshots/types.ts';
import type { VolumeRoom } from './volumes/types.ts';

/** Docker's filters, decoded: key → values. */
export type Filters = ReadonlyMap<string, readonly string[]>;

/** A container with what its inspect and list rows need from other rooms. */
export type ContainerView = ContainerRecord & {
  readonly endpoints: readonly EndpointRecord[];
  readonly ports: readonly PublishedPort[];
  readonly execIds: readonly string[];
  readonly logPath: string;
  readonly hostsPath: string;
  readonly hostnamePath: string;
  readonly resolvConfPath: string;
  /** undefined without a healthcheck, and before the first start. */
  readonly health: Health | undefined;
  /** Why it does not react; undefined when nothing is known against it. */
  readonly unresponsive: string | undefined;
  /** Only when asked for. */
  readonly sizeRw: number | undefined;
  readonly sizeRootFs: number | undefined;
  /** What its own tree takes on the disk: with a driver of copies more than it changed. */
  readonly diskBytes: number | undefined;
  /** Where its layers are, when they are stacked; only in the view of one. */
  readonly stack: StackPaths | undefined;
};

export type AttachOptions = {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** What was logged before comes first. */
  readonly logs: boolean;
  /** Live output. */
  readonly stream: boolean;
  /** Docker's grammar, `ctrl-p,ctrl-q`; undefined: the daemon's default. */
  readonly detachKeys: string | undefined;
};

/** A client's stream: hijacked connection or WebSocket. Frames are already Docker's when the process has no terminal. */
export type ClientStream = Duplex;

export type LogOptions = {
  readonly follow: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Unix nanoseconds; 0n: no bound. */
  readonly sinceNanos: bigint;
  readonly untilNanos: bigint;
  readonly timestamps: boolean;
  readonly details: boolean;
  /** undefined: all. */
  readonly tail: number | undefined;
};

export type ExecRequest = {
  readonly cmd: readonly string[];
  readonly env: readonly string[];
  readonly user: string;
  readonly workingDir: string;
  readonly tty: boolean;
  readonly privileged: boolean;
  readonly attachStdin: boolean;
  readonly attachStdout: boolean;
  readonly attachStderr: boolean;
  readonly detachKeys: string | undefined;
  readonly consoleSize: readonly [rows: number, columns: number] | undefined;
};

export type ExecRecord = {
  readonly id: string;
  readonly containerId: string;
  readonly request: ExecRequest;
  readonly running: boolean;
  /** undefined until it has ended. */
  readonly exitCode: number | undefined;
  readonly pid: number;
  readonly canRemove: boolean;
};

/** One sample, as read from the kernel; the daemon prints Docker's stats document from two of them. */
export type StatsSample = {
  readonly readAt: Date;
  readonly numProcs: number;
  readonly onlineCpus: number;
  readonly systemCpuNanos: number;
  readonly cpuTotalNanos: number;
  readonly cpuUserNanos: number;
  readonly cpuKernelNanos: number;
  readonly perCpuNanos: readonly number[];
  readonly throttledPeriods: number;
  readonly periods: number;
  readonly throttledNanos: number;
  readonly memoryUsageBytes: number;
  readonly memoryMaxUsageBytes: number;
  readonly memoryLimitBytes: number;
  readonly memoryStats: Readonly<Record<string, number>>;
  readonly memoryFailCount: number;
  readonly pids: number;
  readonly pidsLimit: number;
  readonly blkio: readonly {
    readonly op: string;
    readonly major: number;
    readonly minor: number;
    readonly bytes: number;
    readonly ios: number;
  }[];
  readonly networks: Readonly<Record<string, NetworkCounters>>;
};
export type NetworkCounters = {
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
};

export type { PathStat };

/** A path inside a container as a tar. */
export type ReadArchive = { readonly stat: PathStat; readonly chunks: AsyncIterable<Uint8Array> };

export type ArchiveWrite = {
  /** The directory to unpack into. */
  readonly path: string;
  readonly archive: AsyncIterable<Uint8Array>;
  /** Everything becomes the container's user's. */
  readonly copyUidGid: boolean;
  /** A directory is not replaced by something else, nor the other way round. */
  readonly noOverwriteDirNonDir: boolean;
};

export type ContainerChange = { readonly kind: 'modified' | 'added' | 'deleted'; readonly path: string };

export type CommitRequest = {
  /** '' for an image without a name. */
  readonly reference: string;
  readonly author: string;
  readonly comment: string;
  /** Laid over the container's own config; undefined: that alone. */
  readonly config: ContainerConfig | undefined;
  /** Dockerfile instructions that only change the config. */
  readonly changes: readonly string[];
  /** Stop a running container's processes for as long as its files are read. */
  readonly pause: boolean;
};

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';
export type WaitResult = { readonly exitCode: number; readonly error: string };

/** What a removal of a container takes along: its anonymous volumes and the layers that only it needed. */
export type ContainerRemoval = {
  readonly id: string;
  readonly name: string;
  readonly volumes: readonly string[];
  /** Chain IDs, topmost first. */
  readonly layers: readonly string[];
  /** Of its own writable layer and of all that goes along. */
  readonly reclaimedBytes: number;
};

/** Why a container is as it is: what was recorded, and sentences made of that. */
export type Why = {
  readonly container: ContainerRecord;
  readonly sentences: readonly string[];
  /** The last end of its process, as its shim saw it; undefined before one, and when nobody saw it. */
  readonly exit: ExitFacts | undefined;
  /** What the API sent the process in the run that is told of, oldest first. */
  readonly signals: readonly { readonly signal: number; readonly sentAt: Date }[];
  /** When its policy starts it again; undefined when it does not. */
  readonly restartsAt: Date | undefined;
  readonly health: Health | undefined;
  /** The last lines of its log, cut to a sensible length. */
  readonly logLines: readonly string[];
};
export type ExitFacts = {
  readonly exitCode: number;
  /** 0: it exited by itself. */
  readonly signal: number;
  readonly oomKilled: boolean;
  readonly startedAt: Date;
  readonly finishedAt: Date;
};

/** A run of a container that went on at some moment; the container may be gone by now. */
export type PastRun = {
  readonly id: string;
  /** The one it was started under. */
  readonly name: string;
  readonly image: string;
  /** undefined: before the journal begins. */
  readonly startedAt: Date | undefined;
  /** undefined: it goes on. */
  readonly endedAt: Date | undefined;
};

/** Everything the doors may ask about containers. `ref` is a name, ID or unique ID prefix throughout. */
export type ContainerRoom = {
  create(request: CreateRequest): Promise<{ id: string; warnings: readonly string[] }>;
  /** Decides how it would be created and started, and does nothing: see `rehearse.ts`. */
  rehearse(request: CreateRequest): void;
  get(ref: string): ContainerRecord;
  view(ref: string, options?: { size?: boolean }): Promise<ContainerView>;
  list(options: { all: boolean; limit: number; size: boolean; filters: Filters }): Promise<readonly ContainerView[]>;
  /** What ran at a moment, by the journal and the rows, newest start first. */
  ranAt(timeNanos: bigint): readonly PastRun[];
  /** Says why it ended, does not start, or runs on. */
  why(ref: string): Promise<Why>;
  /** @returns false when it already runs (HTTP 304) */
  start(ref: string): Promise<boolean>;
  /** @returns false when it does not run (HTTP 304) */
  stop(ref: string, options: { signal: string | undefined; timeoutSeconds: number | undefined }): Promise<boolean>;
  restart(ref: string, options: { signal: string | undefined; timeoutSeconds: number | undefined }): Promise<void>;
  kill(ref: string, signal: string): Promise<void>;
  /** All containers that were made from an image, as of now. */
  onImage(imageId: string): readonly ContainerRecord[];
  pause(ref: string): Promise<void>;
  unpause(ref: string): Promise<void>;
  rename(ref: string, name: string): void;
  update(
    ref: string,
    change: { resources: Partial<Resources>; restartPolicy: RestartPolicy | undefined },
  ): Promise<readonly string[]>;
  remove(ref: string, options: { force: boolean; volumes: boolean; link: boolean }): Promise<void>;
  /** What `remove` would take along once the containers `after` were removed in the same way. @throws what it throws */
  planRemoval(
    ref: string,
    options: { force: boolean; volumes: boolean; link: boolean; after: readonly string[] },
  ): Promise<ContainerRemoval>;
  /** The returned promise settles at the condition; the wait is in force once the outer promise is settled. */
  wait(ref: string, condition: WaitCondition, signal: AbortSignal): Promise<{ result: Promise<WaitResult> }>;
  /** Joins a client before or after the start; resolves when the stream has ended or was detached. */
  attach(ref: string, client: ClientStream, options: AttachOptions): Promise<void>;
  resize(ref: string, rows: number, columns: number): Promise<void>;
  /** Docker frames (or raw bytes for a terminal). Ends at the end of the log, or with the container when following. */
  logs(ref: string, options: LogOptions, signal: AbortSignal): AsyncIterable<Uint8Array>;
  top(
    ref: string,
    psArguments: string,
  ): Promise<{ titles: readonly string[]; processes: readonly (readonly string[])[] }>;
  /** undefined while it does not run. */
  sample(ref: string): Promise<StatsSample | undefined>;
  prune(filters: Filters): Promise<{ deleted: readonly string[]; reclaimedBytes: number }>;
  /** What `prune` would remove now; nothing is changed. */
  planPrune(filters: Filters): Promise<{ deleted: readonly string[]; reclaimedBytes: number }>;
  statPath(ref: string, path: string): Promise<PathStat>;
  readArchive(ref: string, path: string, signal: AbortSignal): Promise<ReadArchive>;
  writeArchive(ref: string, write: ArchiveWrite): Promise<void>;
  /** Its root file system as a tar, without volumes. */
  export(ref: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  changes(ref: string): Promise<readonly ContainerChange[]>;
  /** Makes an image of what it changed. @returns the image's ID */
  commit(ref: string, request: CommitRequest, signal: AbortSignal): Promise<string>;
  connectNetwork(network: string, container: string, config: EndpointConfig): Promise<void>;
  disconnectNetwork(network: string, container: string, force: boolean): Promise<void>;
  execCreate(ref: string, request: ExecRequest): Promise<string>;
  execInspect(execId: string): ExecRecord;
  /** Starts it and, unless `client` is undefined (detached), joins the client; resolves when the stream has ended. */
  execStart(
    execId: string,
    client: ClientStream | undefined,
    options: { tty: boolean; consoleSize: readonly [number, number] | undefined },
  ): Promise<void>;
  execResize(execId: string, rows: number, columns: number): Promise<void>;
};

export type EventRoom = EventSink & {
  /** Events recorded since this engine was opened, and who listens now. */
  counts(): { readonly recorded: number; readonly listeners: number };
  /** At most `limit` of the newest events of one actor with these actions, oldest first. */
  recent(actorId: string, actions: readonly string[], limit: number): readonly EngineEvent[];
  /** For each container the last start or end up to a moment, and the first one after it. */
  around(timeNanos: bigint): RunsAround;
  /** Past events since/until, then live ones until `signal`; an `until` in the past ends the stream. */
  stream(
    options: { sinceNanos: bigint | undefined; untilNanos: bigint | undefined; filters: Filters },
    signal: AbortSignal,
  ): AsyncIterable<EngineEvent>;
};

/** Facts of `docker info`. */
export type EngineInfo = {
  readonly id: string;
  readonly containers: { readonly running: number; readonly paused: number; readonly stopped: number };
  readonly images: number;
  readonly storageDriver: string;
  readonly storageStatus: readonly (readonly [string, string])[];
  readonly cgroupVersion: '1' | '2';
  readonly kernelVersion: string;
  readonly operatingSystem: string;
  readonly osVersion: string;
  readonly architecture: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly hostname: string;
  readonly dataRoot: string;
  readonly securityOptions: readonly string[];
  readonly warnings: readonly string[];
  readonly indexServerAddress: string;
  readonly openFileDescriptors: number;
  readonly now: Date;
};

/** One difference between the rows and the disk. */
export type DiskFinding = {
  readonly kind: 'blob' | 'layer' | 'image' | 'container' | 'volume' | 'file';
  /** The object's name; of a file without an owner its path. */
  readonly name: string;
  /** Host path; '' when there is none. */
  readonly path: string;
  /** As the end of a sentence about it. */
  readonly problem: string;
  /** How to mend it. */
  readonly mend: string;
  readonly repaired: boolean;
};

export type DiskCheckRequest = {
  /** Reads every byte of blobs and looks at every file of layers. */
  readonly verify: boolean;
  /** Removes what no row owns and rows whose files are gone. */
  readonly repair: boolean;
  /** Containers and volumes that a repair may take too: they may hold somebody's data. */
  readonly names: readonly string[];
};

export type DiskReport = {
  /** Blobs and layers that a power failure now would take: they are not on the disk for good yet. */
  readonly unsynced: number;
  readonly checked: {
    readonly blobs: number;
    readonly layers: number;
    readonly images: number;
    readonly containers: number;
    readonly volumes: number;
  };
  readonly findings: readonly DiskFinding[];
};

/** What an engine is busy with at this moment, for those who watch over it. */
export type EngineActivity = {
  readonly events: { readonly recorded: number; readonly listeners: number };
  readonly healthChecks: { readonly run: number; readonly failed: number };
  /** Processes that it follows, containers' and execs'. */
  readonly tasks: number;
  readonly jobs: readonly {
    readonly id: string;
    readonly kind: string;
    readonly subject: string;
    readonly progress: string;
    readonly startedAt: Date;
  }[];
  /** Containers that something is being done with, and for how long. */
  readonly locks: readonly { readonly key: string; readonly heldMs: number }[];
  readonly database: { readonly bytes: number; readonly logBytes: number };
};

/** What the open streams of a closed engine are told of the one that came after it. */
export type Afterlife = {
  /** Ends waits, followed logs and execs as the other engine's events tell. */
  heard(event: Pick<EngineEvent, 'action' | 'actorId' | 'attributes'>): void;
  /** Has clients that attached before a start wait for it at the other engine. */
  moveGuests(
    attach: (
      containerId: string,
      streams: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean },
    ) => Promise<ClientStream>,
  ): Promise<void>;
};

export type Engine = AsyncDisposable & {
  readonly containers: ContainerRoom;
  readonly images: ImageRoom;
  readonly networks: NetworkRoom;
  readonly volumes: VolumeRoom;
  readonly events: EventRoom;
  info(): EngineInfo;
  activity(): EngineActivity;
  /** Prepares for another engine on the same roots, in another process: this one is to be disposed of next. */
  handOver(): Promise<Afterlife>;
  /** Compares rows and disk, both ways. Without `repair` nothing is changed. @throws not-found for a name that is not among the findings */
  checkDisk(request: DiskCheckRequest, signal: AbortSignal): Promise<DiskReport>;
};
