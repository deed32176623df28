import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '@gantry/base';
import { readBlocks } from './blocks.ts';
import { createEntryParser, type EntryParser } from './entries.ts';
import { findMark, type LogMark, markBehind } from './mark.ts';
import { createProgress } from './progress.ts';
import { openShipper, type Shipper } from './shipper.ts';
import type { LogOrigin, RemoteTarget } from './types.ts';

export type ShipJob = {
  readonly path: string;
  readonly target: RemoteTarget;
  readonly origin: LogOrigin;
  readonly ended: Promise<unknown>;
  readonly signal: AbortSignal;
  readonly random: (bytes: number) => Uint8Array;
  readonly findMark: () => LogMark | undefined;
  readonly saveMark: (mark: LogMark) => void;
  /** undefined: lines go out again. */
  readonly tellTrouble: (trouble: string | undefined) => void;
};

const longestPauseMs = 10_000;
const firstPauseMs = 200;

/**
 * Sends a log away, from where that was left, until its writer has ended and all has arrived. Tries again for as long as
 * it takes: the log is a file, so nobody waits for the other side.
 *
 * Every line arrives at least once; after a lost connection or a killed daemon the last ones may come again.
 */
export async function shipLog(job: ShipJob): Promise<void> {
  const parser = createEntryParser(job.random);
  const leastPauseMs = 'retryMs' in job.target ? job.target.retryMs : firstPauseMs;
  let pauseMs = leastPauseMs;
  const onShipped = (): void => {
    pauseMs = leastPauseMs;
    job.tellTrouble(undefined);
  };
  while (!job.signal.aborted) {
    try {
      await shipUntilLost(job, parser, onShipped);
      return;
    } catch (error) {
      // Given up, and not in trouble.
      if (job.signal.aborted) return;
      job.tellTrouble(messageOf(error));
    }
    await delay(pauseMs, undefined, { signal: job.signal, ref: false }).catch(() => undefined);
    pauseMs = Math.min(pauseMs * 2, Math.max(longestPauseMs, leastPauseMs));
  }
}

/** @throws when a connection cannot be made or is lost */
async function shipUntilLost(job: ShipJob, parser: EntryParser, onShipped: () => void): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const lost = new AbortController();
  const connect = async (): Promise<{ shipper: Shipper; progress: ReturnType<typeof createProgress> }> => {
    const shipper = stack.use(await openShipper(job.target, job.origin, job.signal));
    shipper.lost.addEventListener('abort', () => lost.abort());
    if (shipper.lost.aborted) lost.abort();
    return { shipper, progress: stack.use(createProgress(job.saveMark, shipper.settleMs)) };
  };
  const blocks = readBlocks({
    path: job.path,
    start: async (files) => {
      const mark = job.findMark();
      const found = mark === undefined ? undefined : await findMark(files, mark);
      if (mark !== undefined && found === undefined && files.length > 0)
        job.tellTrouble('lines were rotated away before they could be sent');
      return found ?? { index: 0, position: 0 };
    },
    signal: AbortSignal.any([job.signal, lost.signal]),
    ended: job.ended,
  });
  // Only a log with something to say needs a connection.
  let connection: Awaited<ReturnType<typeof connect>> | undefined;
  for await (const { bytes, position } of blocks) {
    connection ??= await connect();
    await connection.shipper.ship(parser.parse(bytes));
    connection.progress.sent(markBehind(bytes, position));
    onShipped();
  }
  if (job.signal.aborted) return;
  if (lost.signal.aborted) throw new Error('the connection was lost');
  await connection?.shipper.finish();
  connection?.progress.arrived();
}
