/** Why a container ended, does not start, or runs on. An extension: Docker has no such document. */
export type ContainerWhyWire = {
  readonly Id: string;
  readonly Name: string;
  /** As in inspect: `running`, `exited`, … */
  readonly Status: string;
  /** The answer in words, made of what follows and of the row. */
  readonly Sentences: readonly string[];
  /** The last end of its process; null before one, and when nobody saw it. `Signal` is a number, 0 without one. */
  readonly Exit: {
    readonly Code: number;
    readonly Signal: number;
    readonly OOMKilled: boolean;
    readonly StartedAt: string;
    readonly FinishedAt: string;
  } | null;
  /** Why it could not start; empty when it could. */
  readonly StartError: string;
  /** What the API sent its process in the last run, oldest first. */
  readonly Signals: readonly { readonly Signal: number; readonly SentAt: string }[];
  readonly Restart: {
    readonly Policy: string;
    readonly MaximumRetryCount: number;
    readonly Count: number;
    /** null: it is not going to be started again by its policy now. */
    readonly NextAt: string | null;
  };
  readonly Health: {
    readonly Status: string;
    readonly FailingStreak: number;
    readonly LastProbe: { readonly ExitCode: number; readonly Output: string; readonly End: string } | null;
  } | null;
  /** The last lines of its log. */
  readonly Log: readonly string[];
};
