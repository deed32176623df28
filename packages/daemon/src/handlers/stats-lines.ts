import { setTimeout as delay } from 'node:timers/promises';
import type { StatsWire } from '@gantry/api';
import { isEngineError } from '@gantry/base';
import type { ContainerRecord, ContainerRoom, StatsSample } from '@gantry/engine';
import { printStats } from '../print/stats.ts';

/** Waits for the next sample's moment. @throws the signal's reason when the client goes away first */
export async function everySecond(signal: AbortSignal): Promise<void> {
  await delay(1000, undefined, { signal });
}

/** A document a second, each with the sample before it, until the client goes away or the container is removed. */
export async function* sampleLines(
  containers: ContainerRoom,
  container: ContainerRecord,
  signal: AbortSignal,
): AsyncGenerator<StatsWire, void> {
  for (let before: StatsSample | undefined; !signal.aborted; ) {
    try {
      const now = await containers.sample(container.id);
      yield printStats(container, { now, before });
      before = now;
      await everySecond(signal);
    } catch (error) {
      if (signal.aborted || isEngineError(error, 'not-found')) return;
      throw error;
    }
  }
}
