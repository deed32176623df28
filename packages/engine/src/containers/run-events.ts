import type { EngineEvent } from '../events/types.ts';

/** The events that tell of a run. */
export const runActions = ['start', 'kill', 'die', 'stop'];

/** What the journal has of one run. */
export type RunEvents = {
  /** False: the journal does not reach back to its start, so what it lacks may have happened all the same. */
  readonly isWhole: boolean;
  /** What the API sent, oldest first. */
  readonly signals: readonly { readonly signal: number; readonly sentAt: Date }[];
  /** A request to stop it ended it: that is booked after the end. */
  readonly wasStopped: boolean;
  /** The end of the run before, when that is in the journal. */
  readonly before: { readonly exitCode: string; readonly diedAt: Date } | undefined;
};

/**
 * Cuts the last run out of a container's events: from its last start to its end, if it has come.
 *
 * @param events of `runActions`, oldest first
 */
export function lastRun(events: readonly EngineEvent[]): RunEvents {
  const start = events.findLastIndex(({ action }) => action === 'start');
  const run = events.slice(start + 1);
  const died = run.findIndex(({ action }) => action === 'die');
  const end = died < 0 ? run.length : died;
  const before = events.slice(0, Math.max(start, 0)).findLast(({ action }) => action === 'die');
  return {
    isWhole: start >= 0,
    signals: run
      .slice(0, end)
      .filter(({ action }) => action === 'kill')
      .map((event) => ({ signal: Number(event.attributes.signal), sentAt: timeOf(event) })),
    wasStopped: run.slice(end).some(({ action }) => action === 'stop'),
    before: before && { exitCode: before.attributes.exitCode ?? '', diedAt: timeOf(before) },
  };
}

function timeOf({ timeNanos }: EngineEvent): Date {
  return new Date(Number(timeNanos / 1_000_000n));
}
