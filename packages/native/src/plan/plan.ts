import type { Act } from '../verbs.ts';

/** How the shim keeps what the process writes. */
export type LogSpec =
  | { readonly kind: 'none' }
  /** One JSON object a line, as Docker's json-file driver writes them; rotated to `.1` … when `maxSizeBytes` is passed. */
  | { readonly kind: 'json-file'; readonly path: string; readonly maxSizeBytes: number; readonly maxFiles: number }
  /** CRI's format: `<RFC3339Nano> stdout F line`. */
  | { readonly kind: 'cri'; readonly path: string; readonly maxSizeBytes: number; readonly maxFiles: number };

/** What the shim itself needs: everything around the process. */
export type ShimSpec = {
  /** Host directory of this task, made by the caller: the shim listens on `shim.sock` in it and keeps `started` there. */
  readonly taskDir: string;
  /** Host path of the exit record, written before anyone is told of the exit. */
  readonly exitRecord: string;
  readonly log: LogSpec;
  /** Terminal: the `console` act sends its master. Otherwise pipes; stdin is a pipe when `openStdin`, else /dev/null. */
  readonly terminal: boolean;
  readonly openStdin: boolean;
  /** Close the process's stdin when the first attached client that sends stdin has ended it. */
  readonly stdinOnce: boolean;
  /** cgroup v1 memory.oom_control or v2 memory.events, whose oom_kill count is read at exit; empty for none. */
  readonly oomFile: string;
  /** After init's exit: kill what still runs in this cgroup.procs (shared PID namespaces); empty for none. */
  readonly killProcsFile: string;
};

/** A whole task: what the shim does around it, and the acts of shim and child. */
export type Plan = {
  readonly shim: ShimSpec;
  /** The shim's, before the child begins: what the child is made with and takes over. */
  readonly parent: readonly Act[];
  /** The shim's, while the child works: the child waits for them at `awaitBeside`. Their registers stay the shim's own. */
  readonly beside: readonly Act[];
  readonly child: readonly Act[];
};
