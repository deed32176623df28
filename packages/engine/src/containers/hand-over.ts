import { setTimeout as delay } from 'node:timers/promises';
import type { Afterlife } from '../engine.ts';
import type { ContainerDeps } from './deps.ts';

const pollMs = 5;
const longestMs = 5000;

/**
 * Waits until no exec is half started, which streams do and no request waits for.
 *
 * @returns what keeps the streams of this engine going once it is closed and another one, in another process, books what
 * happens to its containers
 */
export async function handOver(deps: ContainerDeps): Promise<Afterlife> {
  const deadline = performance.now() + longestMs;
  while (deps.execs.listRunning().some(({ pid }) => pid === 0) && performance.now() < deadline) await delay(pollMs);
  const exitCodes = new Map<string, number>();
  return {
    heard: ({ action, actorId, attributes }) => {
      const exitCode = Number(attributes.exitCode ?? 0);
      if (action === 'exec_die') deps.live.tellBooked(attributes.execID ?? '');
      if (action === 'die') {
        exitCodes.set(actorId, exitCode);
        deps.live.exited(actorId, { exitCode, error: '' });
      }
      if (action === 'destroy') deps.live.removed(actorId, { exitCode: exitCodes.get(actorId) ?? 0, error: '' });
    },
    moveGuests: async (attach) => {
      await Promise.all(
        deps.live.takeAllGuests().map(async ({ id, guest }) => {
          try {
            guest.meet(await attach(id, guest.streams));
          } catch {
            guest.dismiss(); // its container is gone, or the other engine is: there is nothing to wait for
          }
        }),
      );
    },
  };
}
