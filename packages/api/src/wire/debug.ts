/** What a daemon is doing, for whoever finds out why it is slow. Gantry's own. */
export type DebugVarsWire = {
  readonly Process: {
    readonly Pid: number;
    readonly StartedAt: string;
    readonly UptimeSeconds: number;
    readonly CpuSeconds: number;
    readonly ResidentBytes: number;
    readonly HeapBytes: number;
    readonly MaxDescriptors: number;
  };
  /** By kind: `file`, `socket`, `pipe`, … */
  readonly Descriptors: Readonly<Record<string, number>>;
  /** Those that are being answered, oldest first. */
  readonly Requests: readonly { readonly Method: string; readonly Path: string; readonly AgeMs: number }[];
  /** Containers that something is being done with. */
  readonly Locks: readonly { readonly Container: string; readonly HeldMs: number }[];
  readonly Jobs: readonly {
    readonly ID: string;
    readonly Kind: string;
    readonly Subject: string;
    readonly Progress: string;
    readonly StartedAt: string;
  }[];
  /** Processes that are followed, containers' and execs'. */
  readonly Tasks: number;
  readonly Database: { readonly Bytes: number; readonly LogBytes: number };
};
