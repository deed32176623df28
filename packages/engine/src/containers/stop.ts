import { EngineError, parseSignal, sigkill } from '@gantry/base';
import type { Task } from '../tasks/index.ts';
import { containerEvent } from './container-event.ts';
import type { ContainerDeps } from './deps.ts';
import { describeHang, findHang, type Hang, taskOf } from './hang.ts';
import { unpauseContainer } from './pause.ts';

/** Docker waits this long between the signal and SIGKILL when neither the request nor the container says. */
const defaultTimeoutSeconds = 10;
/** A process that SIGKILL does not end sits in the kernel; the request fails instead of hanging. */
const killTimeoutMs = 10_000;
const stoppedShimMs = 2000;
const betweenThawsMs = 100;

export type StopOptions = { readonly signal: string | undefined; readonly timeoutSeconds: number | undefined };

/**
 * Stops a container: its signal, time to end, then SIGKILL. It stays down whatever its restart policy says.
 *
 * @returns false when it does not run
 */
export async function stopContainer(deps: ContainerDeps, ref: string, options: StopOptions): Promise<boolean> {
  const container = deps.store.resolve(ref);
  const signal = parseSignal(options.signal || container.config.stopSignal || 'SIGTERM');
  if (!(await standDown(deps, container.id))) return false;
  const task = taskOf(deps, container.id);
  if (task === undefined) return false;
  if (container.status.kind === 'running' && container.status.paused) await thawEnding(deps, container.id);

  const timeoutSeconds = options.timeoutSeconds ?? container.config.stopTimeoutSeconds ?? defaultTimeoutSeconds;
  deps.events.record('container', 'kill', container.id, { ...containerEvent(container), signal: String(signal) });
  task.signal(signal);
  if (!(await endsWithin(deps, container.id, timeoutSeconds < 0 ? undefined : timeoutSeconds * 1000))) {
    deps.events.record('container', 'kill', container.id, { ...containerEvent(container), signal: String(sigkill) });
    await killTask(deps, container.id, task);
  }
  deps.events.record('container', 'stop', container.id, containerEvent(container));
  return true;
}

/** SIGKILL, and the exit booked. @throws unavailable when the kernel does not let go of it */
export async function killTask(deps: ContainerDeps, id: string, task: Task): Promise<void> {
  task.signal(sigkill);
  const begin = performance.now();
  let hang: Hang | undefined;
  do {
    // A frozen process dies only when it is thawed; the signal is there first, so it does nothing more. A pause may come
    // after the signal as well and before the death.
    const status = deps.store.find(id)?.status;
    if (status?.kind === 'running' && status.paused) await thawEnding(deps, id);
    if (await endsWithin(deps, id, betweenThawsMs)) return;
    // A kernel that is busy lets go later; a shim that somebody stopped does not by itself.
    hang = findHang(task.pid, false);
    if (hang !== undefined && performance.now() - begin > stoppedShimMs && hang.isStopped) break;
  } while (performance.now() - begin < killTimeoutMs);
  deps.live.noteUnresponsive(id);
  const why = hang === undefined ? 'its process does not end after SIGKILL' : describeHang(hang);
  throw new EngineError('unavailable', `cannot kill container "${id.slice(0, 12)}": ${why}`);
}

async function thawEnding(deps: ContainerDeps, id: string): Promise<void> {
  try {
    await unpauseContainer(deps, id);
  } catch {
    // Someone else thawed it, or it is dead already, on cgroup v2 without a thaw: whether it ended is asked next.
  }
}

/** Notes that a user wants it down, so that no restart follows. @returns whether it runs now */
async function standDown(deps: ContainerDeps, id: string): Promise<boolean> {
  deps.live.cancelRestart(id);
  if (deps.store.get(id).status.kind !== 'restarting') return wantsDown(deps, id);
  // A restart that is under way holds the lock: what it makes is stopped like any other run.
  await using _lock = await deps.locks.hold(id);
  const status = deps.store.find(id)?.status;
  if (status?.kind !== 'restarting') return wantsDown(deps, id);
  const { exitCode, startedAt, finishedAt } = status;
  deps.db.tx(() => {
    deps.store.setStoppedByUser(id, true);
    deps.store.setStatus(id, { kind: 'exited', exitCode, oomKilled: false, error: '', startedAt, finishedAt });
  });
  return false;
}

function wantsDown(deps: ContainerDeps, id: string): boolean {
  if (deps.store.find(id)?.status.kind !== 'running') return false;
  deps.store.setStoppedByUser(id, true);
  return true;
}

/** Waits until the exit is booked. @returns false when the time is over first; no time means no bound */
async function endsWithin(deps: ContainerDeps, id: string, timeoutMs: number | undefined): Promise<boolean> {
  if (deps.store.find(id)?.status.kind !== 'running') return true;
  const stop = new AbortController();
  const timer =
    timeoutMs === undefined ? undefined : setTimeout(() => stop.abort(new Error('time is over')), timeoutMs);
  try {
    await deps.live.wait(id, 'next-exit', stop.signal);
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
