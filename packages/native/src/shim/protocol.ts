/**
 * The shim's protocol, version 1. Frozen once released: a shim outlives the daemon that started it.
 *
 * The daemon spawns the static program with argv `gantry-shim`, descriptor 3 = the encoded plan (a memfd or file, read
 * whole) and descriptor 4 = one end of a stream socket pair: the first control connection. With a count as its first
 * argument, that many connections more are handed over as descriptors 5 and up: an attached client whose `attach` frame
 * is written before the spawn misses nothing, even when `start` was sent as early. Further connections come over
 * `shim.sock` in the task directory. Every connection carries frames: a header of eight bytes (type, three zero
 * bytes, big-endian length of the payload), which is exactly Docker's stream framing, then the payload.
 *
 * Life of the first connection: the shim runs the parent's acts, clones, and the child runs up to its `ready` act, the
 * shim beside it; the shim sends `created`. The daemon sends `start` (it may have sent it at once, before `created`); the shim lets the
 * child exec and sends `started`, later `exited`. A failure at any point sends `failed` instead and the shim ends,
 * leaving nothing behind. After `exited` the shim removes its cgroups and lets go of the root filesystem, which it holds
 * so that the exit need not wait for the unmount; then it closes its control connections. Only after that close may the
 * same directories and cgroups be used again. Attached connections may outlive it: the shim stays for readers that lag,
 * writes to nothing but them, and drops those that took nothing for ten minutes.
 *
 * A new connection over the socket sends one of: `attach`, then raw bytes both ways (below); `control`, which is
 * answered by `status` and then carries the same frames as the first connection.
 *
 * An attached connection that asked for a header gets stdout and stderr as Docker's own frames (types 1 and 2), so the
 * daemon forwards them untouched; with a terminal it gets raw bytes. What it sends after the `attach` frame is raw
 * stdin; its half-close ends its stdin. The shim shuts down the sending side after the last byte of output. A reader that
 * lags stops the process's output once a chunk of 64 KiB waits for it; one that is gone is dropped.
 *
 * The exit is told when all output was read, or two seconds after the process ended when somebody else keeps its pipes.
 */
export const shimProtocolVersion = 1;

export const frameType = {
  // Output of an attached connection: Docker's own numbers.
  stdout: 1,
  stderr: 2,
  // To the shim.
  start: 16, //    empty
  signal: 17, //   u32le signal number; u32le 1 = every process of the task's cgroup, 0 = the init process
  resize: 18, //   u16le rows, u16le columns
  attach: 20, //   u32le: bits of attachFlag
  control: 21, //  empty
  // From the shim.
  created: 32, //  JSON CreatedRecord
  started: 33, //  JSON StartedRecord
  failed: 34, //   JSON FailedRecord
  exited: 35, //   JSON ExitRecord
  status: 36, //   JSON StatusRecord
  error: 37, //    JSON {"request": <frame type>, "errno": n}: a request that could not be done
} as const;

export const attachFlag = { stdin: 1, stdout: 2, stderr: 4 } as const;

/** The child stands before its exec. */
export type CreatedRecord = {
  readonly version: number;
  readonly shimPid: number;
  readonly pid: number;
  readonly startTicks: number;
};
/** Also kept on disk as `started` in the task directory, for the next daemon. `startedAt`: Unix nanoseconds as text. */
export type StartedRecord = CreatedRecord & { readonly startedAt: string };
/** `part` and `index` name the act; `step` a part of it ("open_tree", "mkdir", …); errno is positive. Log and setup of the shim itself: part "shim". */
export type FailedRecord = {
  readonly part: 'shim' | 'parent' | 'beside' | 'child';
  readonly index: number;
  readonly step: string;
  readonly errno: number;
};
/** Also the exit record on disk. `exitCode` is 0–255, 128+n for signal n. `finishedAt`: Unix nanoseconds as text. */
export type ExitRecord = {
  readonly version: number;
  readonly pid: number;
  readonly exitCode: number;
  readonly signal: number;
  readonly oomKilled: boolean;
  readonly startedAt: string;
  readonly finishedAt: string;
};
export type StatusRecord = {
  readonly version: number;
  readonly shimPid: number;
  readonly pid: number;
  readonly startTicks: number;
  readonly state: 'creating' | 'created' | 'running' | 'exited';
  readonly startedAt: string;
};
