import { setTimeout as delay } from 'node:timers/promises';
import type { ExitRecord } from '@gantry/native';
import type { Task } from '../tasks/index.ts';
import { containerEvent } from './container-event.ts';
import type { ContainerDeps } from './deps.ts';
import { endLeftovers } from './end-leftovers.ts';
import { removeLocked } from './remove.ts';
import { cgroupPathOf } from './resolve-start.ts';
import { restartDelay } from './restart-policy.ts';
import { startLocked } from './start.ts';
import type { ContainerRecord } from './types.ts';

/** Waits for the end of a started task and books it. Runs in the background for as long as the container does. */
export async function followTask(deps: ContainerDeps, id: string, task: Task): Promise<void> {
  const exit = await task.exited.catch(() => undefined);
  if (deps.background.closed) return;
  await untilBooked(deps, id, () => (exit === undefined ? bookLostExit(deps, id, task.pid) : bookExit(deps, id, exit)));
}

const longestPauseMs = 10_000;

/** Tries again for as long as the database refuses, on a full disk say: an exit is told once, and nobody else books it. */
async function untilBooked(deps: ContainerDeps, id: string, book: () => Promise<void>): Promise<void> {
  for (let pauseMs = 100; !deps.background.closed; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      await book();
      return;
    } catch (error) {
      deps.report(`booking of the exit of ${id}`, error);
    }
    await delay(pauseMs, undefined, { ref: false });
  }
}

/** Books an end that nobody saw: the machine went down, or the shim was killed and what it kept is ended first. */
export async function bookLostExit(deps: ContainerDeps, id: string, pid: number): Promise<void> {
  const container = deps.store.find(id);
  if (container !== undefined) await endLeftovers(deps.facts.cgroup, cgroupPathOf(deps, container));
  await bookExit(deps, id, lostExit(pid, deps.now()));
}

/**
 * Books the end of a container's process: one transaction for the state, its event and the network that is left, then
 * those who wait are told, and it is restarted or removed as its policies say.
 *
 * An exit that is already booked, or of an earlier run, is passed over.
 */
export async function bookExit(deps: ContainerDeps, id: string, exit: ExitRecord): Promise<void> {
  await using _lock = await deps.locks.hold(id);
  const container = deps.store.find(id);
  if (container?.status.kind !== 'running' || container.status.pid !== exit.pid) return;

  const delayMs = restartAfter(container, exit);
  deps.db.tx(() => {
    deps.store.setStatus(id, exitStatus(container, exit, delayMs));
    if (exit.oomKilled) deps.events.record('container', 'oom', id, containerEvent(container));
    deps.events.record('container', 'die', id, {
      ...containerEvent(container),
      exitCode: String(exit.exitCode),
      execDuration: String(Math.floor(ranMs(container, exit) / 1000)),
    });
    if (delayMs !== undefined) deps.store.setRestartCount(id, container.restartCount + 1);
    deps.networks.leave(id);
    // As Docker has it: what does not run is not healthy.
    const health = deps.health.find(id);
    if (health !== undefined) deps.health.put(id, { ...health, status: 'unhealthy' });
  });
  deps.tasks.forget(id);
  deps.live.exited(id, { exitCode: exit.exitCode, error: '' });

  if (delayMs !== undefined) scheduleRestart(deps, id, delayMs);
  else if (container.hostConfig.autoRemove && !deps.live.isRemovalHeld(id))
    await removeLocked(deps, deps.store.get(id), { volumes: true });
}

/** Docker's code for an exit that nobody saw. */
function lostExit(pid: number, now: Date): ExitRecord {
  const nanos = `${now.getTime()}000000`;
  return { version: 1, pid, exitCode: 255, signal: 0, oomKilled: false, startedAt: '0', finishedAt: nanos };
}

function restartAfter(container: ContainerRecord, exit: ExitRecord): number | undefined {
  return restartDelay(container.hostConfig.restartPolicy, {
    exitCode: exit.exitCode,
    restartCount: container.restartCount,
    stoppedByUser: container.stoppedByUser,
    ranMs: ranMs(container, exit),
  });
}

function exitStatus(
  container: ContainerRecord,
  exit: ExitRecord,
  delayMs: number | undefined,
): ContainerRecord['status'] {
  const { exitCode, oomKilled } = exit;
  const startedAt = container.status.kind === 'running' ? container.status.startedAt : container.createdAt;
  const finishedAt = finishedAtOf(exit);
  if (delayMs !== undefined) return { kind: 'restarting', exitCode, startedAt, finishedAt };
  return { kind: 'exited', exitCode, oomKilled, error: '', startedAt, finishedAt };
}

function ranMs(container: ContainerRecord, exit: ExitRecord): number {
  return container.status.kind === 'running' ? finishedAtOf(exit).getTime() - container.status.startedAt.getTime() : 0;
}

function finishedAtOf(exit: ExitRecord): Date {
  return new Date(Number(BigInt(exit.finishedAt) / 1_000_000n));
}

/** Starts it again when the delay is over, unless a user stopped, started or removed it meanwhile. */
export function scheduleRestart(deps: ContainerDeps, id: string, delayMs: number): void {
  const timer = setTimeout(() => {
    deps.background.run(`restart of ${id}`, async () => {
      await using _lock = await deps.locks.hold(id);
      const container = deps.store.find(id);
      if (container?.status.kind === 'restarting') await startLocked(deps, container);
    });
  }, delayMs);
  deps.live.restartDue(id, timer);
}
