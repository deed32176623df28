import type { ProgressWire } from '@gantry/api';
import type { ProgressEvent } from '@gantry/engine';
import { printProgress } from '../print/progress.ts';
import { hintInText } from './hint-in-text.ts';

export type Report = (event: ProgressEvent) => void;

/**
 * Runs a job that reports and yields its reports as lines, the last ones from its result.
 *
 * A client that reads slowly gets the newest count of each step instead of every one, so what waits is bounded by the
 * number of steps, not by their length. Leaving the loop early cancels the job. A failure's hint comes in its text.
 */
export async function* progressLines(
  run: (report: Report, signal: AbortSignal) => Promise<readonly ProgressWire[]>,
  signal: AbortSignal,
): AsyncGenerator<ProgressWire, void> {
  const stop = new AbortController();
  const waiting = new Map<string, ProgressEvent>();
  let wake = Promise.withResolvers<void>();
  const report = (event: ProgressEvent): void => {
    waiting.set(`${event.id ?? ''}\n${event.status}`, event);
    wake.resolve();
  };
  let ended = false;
  const job = run(report, AbortSignal.any([signal, stop.signal]));
  const end = (): void => {
    ended = true;
    wake.resolve();
  };
  job.then(end, end);
  try {
    while (!ended || waiting.size > 0) {
      await wake.promise;
      wake = Promise.withResolvers<void>();
      const events = [...waiting.values()];
      waiting.clear();
      for (const event of events) yield* printProgress(event);
      if (ended) wake.resolve();
    }
    yield* await job;
  } catch (error) {
    throw hintInText(error);
  } finally {
    stop.abort(new Error('nobody follows it any more'));
  }
}
