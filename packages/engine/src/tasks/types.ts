import type { Duplex } from 'node:stream';
import type { ExitRecord, Plan } from '@gantry/native';

/** A running or just ended process of a container, init or exec. Everything here speaks to its shim. */
export type Task = {
  /** `<container ID>` for init, the exec's ID for an exec. */
  readonly key: string;
  readonly pid: number;
  readonly startedAt: Date | undefined;
  /** Lets the created process exec. @throws EngineError for what a client did (command not found), with Docker's text. */
  start(): Promise<void>;
  signal(signal: number, everyProcess?: boolean): Promise<void>;
  resize(rows: number, columns: number): void;
  /** A stream of the shim's: reads are output (framed unless a terminal), writes are stdin, end() half-closes. */
  attach(streams: { stdin: boolean; stdout: boolean; stderr: boolean }): Promise<Duplex>;
  /** Settles once, when the exit record is on disk. */
  readonly exited: Promise<ExitRecord>;
};

/** One life: `create` (the process stands before its exec), `start`, `exited`. `recover` finds a task of an earlier daemon. */
export type TaskRoom = {
  create(key: string, plan: Plan): Promise<Task>;
  find(key: string): Task | undefined;
  /** Reconnects to the shim of a task directory; or tells its exit record; or `lost` when neither exists. */
  recover(key: string): Promise<{ kind: 'running'; task: Task } | { kind: 'exited'; record: ExitRecord } | { kind: 'lost' }>;
  /** Where the shim of this key keeps its files; short enough for a socket path through /proc/self/fd. */
  taskDir(key: string): string;
  /** Removes task directories that no key of `keep` owns and ends shims in them. @returns what was swept */
  sweep(keep: ReadonlySet<string>): Promise<readonly string[]>;
};
