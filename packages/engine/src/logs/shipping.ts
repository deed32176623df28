import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '@gantry/base';
import type { Db } from '../db/index.ts';
import { openMarkTable } from './mark-table.ts';
import { type LogConfig, parseLogTarget } from './settle-config.ts';
import { shipLog } from './ship-log.ts';
import type { LogOrigin } from './types.ts';

export type ShipSource = {
  /** Of the container. */
  readonly id: string;
  /** The newest file of its log. */
  readonly path: string;
  readonly config: LogConfig;
  readonly origin: LogOrigin;
};

/**
 * Sends the logs of containers whose driver is not on this machine. One life of a log here: `begin` at each start and
 * each boot, `caughtUp` and `forget` at its removal.
 */
export type LogShipping = AsyncDisposable & {
  /** Goes on where sending was left, until `ended` and all is told. Nothing happens for drivers that keep lines here. */
  begin(source: ShipSource, ended: Promise<unknown>): void;
  /** Settles when a log whose writer has ended is sent, at once when its other side is not reached. */
  caughtUp(id: string): Promise<void>;
  /** Within the removal's transaction. */
  forget(id: string): void;
};

type Job = {
  readonly stop: AbortController;
  readonly done: Promise<void>;
  readonly health: Health;
};

/** Whether lines go out just now. */
type Health = { isTroubled: boolean; troubled: PromiseWithResolvers<void> };

export type ShippingDeps = {
  readonly db: Db;
  readonly random: (bytes: number) => Uint8Array;
  readonly warn: (message: string) => void;
};

/** A removal waits no longer for a slow receiver. */
const longestWaitMs = 5000;

export function openLogShipping({ db, random, warn }: ShippingDeps): LogShipping {
  const marks = openMarkTable(db);
  const jobs = new Map<string, Job>();

  const ship = async ({ id, path, config, origin }: ShipSource, ended: Promise<unknown>, job: Omit<Job, 'done'>) => {
    const target = parseLogTarget(config);
    if (target.kind === 'none' || target.kind === 'file') return;
    const { health, stop } = job;
    await shipLog({
      path,
      target,
      origin,
      ended,
      signal: stop.signal,
      random,
      findMark: () => marks.find(id),
      saveMark: (mark) => {
        // A container that is gone must not get a row again.
        if (jobs.get(id)?.stop === stop) marks.put(id, mark);
      },
      tellTrouble: (trouble) => {
        if (trouble !== undefined) {
          if (!health.isTroubled)
            warn(`cannot send the log of ${origin.name} to ${target.kind}: ${trouble}; it is kept and tried again`);
          health.isTroubled = true;
          health.troubled.resolve();
        } else if (health.isTroubled) {
          warn(`the log of ${origin.name} is sent to ${target.kind} again`);
          health.isTroubled = false;
          health.troubled = Promise.withResolvers();
        }
      },
    });
  };

  return {
    begin: (source, ended) => {
      const { id, config, origin } = source;
      const { kind } = parseLogTarget(config);
      if (kind === 'none' || kind === 'file') return;
      const previous = jobs.get(id);
      previous?.stop.abort();
      const job = {
        stop: new AbortController(),
        health: { isTroubled: false, troubled: Promise.withResolvers<void>() },
      };
      const run = async (): Promise<void> => {
        await previous?.done;
        try {
          await ship(source, ended, job);
        } catch (error) {
          warn(`the log of ${origin.name} is no longer sent to ${kind}: ${messageOf(error)}`);
        }
      };
      jobs.set(id, { ...job, done: run() });
    },
    caughtUp: async (id) => {
      const job = jobs.get(id);
      if (job === undefined) return;
      await Promise.race([job.done, job.health.troubled.promise, delay(longestWaitMs, undefined, { ref: false })]);
    },
    forget: (id) => {
      jobs.get(id)?.stop.abort();
      jobs.delete(id);
      marks.drop(id);
    },
    [Symbol.asyncDispose]: async () => {
      for (const { stop } of jobs.values()) stop.abort();
      const done = Promise.all([...jobs.values()].map((job) => job.done));
      // A name that is being looked up cannot be given up.
      await Promise.race([done, delay(longestWaitMs, undefined, { ref: false })]);
    },
  };
}
