import type { Duplex } from 'node:stream';
import type { ExitRecord, Plan } from '@gantry/native';

/** A running or just ended process of a container, init or exec. Everything here speaks to its shim. */
export type Task = {
  /** The container's ID for init, the exec's ID for an exec. */
  readonly key: string;
  /** In the host's PID namespace. */
  readonly pid: number;
  /** Lets the created process exec. @throws EngineError naming the act that failed, with Docker's text for a missing command */
  start(): Promise<StartedTask>;
  /** Start time of the process in clock ticks since boot: with the PID it names it for ever. */
  readonly startTicks: number;
  /** Sent in order; one that comes after the end of the process is without effect. */
  signal(signal: number, everyProcess?: boolean): void;
  resize(rows: number, columns: number): void;
  /** A stream of the shim's: reads are output (Docker frames unless a terminal), writes are stdin, end() half-closes. */
  attach(streams: AttachStreams): Promise<Duplex>;
  /** Settles once, when the exit record is on disk; rejects when the shim ended without one. */
  readonly exited: Promise<ExitRecord>;
  /** Settles when the shim itself is gone, its cgroups removed. */
  readonly gone: Promise<void>;
};

export type AttachStreams = { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
/** Who is attached before the process execs, so that no byte is lost. */
export type EarlyAttach = {
  readonly streams: readonly AttachStreams[];
  /** Nothing else is to be waited for: the process execs as soon as it stands, without a round trip. */
  readonly startAtOnce: boolean;
};
/** `attached`: one stream for each of the early ones, in their order. */
export type CreatedTask = { readonly task: Task; readonly attached: readonly Duplex[] };
export type StartedTask = { readonly pid: number; readonly startedAt: Date };

/** What a later daemon finds of a task: it runs, it left its exit record, or neither (the machine went down). */
export type RecoveredTask =
  | { readonly kind: 'running'; readonly task: Task; readonly startedAt: Date }
  | { readonly kind: 'exited'; readonly record: ExitRecord }
  | { readonly kind: 'lost' };

/**
 * One life: `create` (the process stands before its exec, unless it was to start at once), `start`, `exited`, `forget`. A later daemon calls `recover`
 * for what its rows call running, then `sweep` for everything else.
 */
export type TaskRoom = Disposable & {
  /** @throws EngineError naming the act that failed; nothing is left behind */
  create(key: string, plan: Plan, early: EarlyAttach): Promise<CreatedTask>;
  find(key: string): Task | undefined;
  recover(key: string, exitRecord: string): Promise<RecoveredTask>;
  /** Where the shim of this key keeps its files. */
  taskDir(key: string): string;
  /** Removes the directory of an ended task. */
  forget(key: string): void;
  /** Ends the shims and removes the directories that no key of `keep` owns. @returns the keys that were swept */
  sweep(keep: ReadonlySet<string>): Promise<readonly string[]>;
};
