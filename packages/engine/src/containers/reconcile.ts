import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecRecord } from '../engine.ts';
import type { RecoveredTask } from '../tasks/index.ts';
import type { ContainerDeps } from './deps.ts';
import { sweepCgroups } from './end-leftovers.ts';
import { followExec } from './exec-start.ts';
import { bookExit, bookLostExit, scheduleRestart } from './exited.ts';
import { hangOf } from './hang.ts';
import { containerPaths, containersDir } from './paths.ts';
import { readPaused } from './pause.ts';
import { removeLocked } from './remove.ts';
import { startsAtBoot } from './restart-policy.ts';
import { beginShipping } from './ship-logs.ts';
import { startContainer } from './start.ts';
import type { ContainerRecord } from './types.ts';

/** A shim answers in a millisecond. One that does not within this must not keep all other containers from being served. */
const answerMs = 2000;

/**
 * Makes rows and world agree when a daemon comes up: takes back what runs, books what ended meanwhile, sweeps what no
 * row owns. Nothing is served before it is done; restarts that policies ask for follow in the background.
 */
export async function reconcileContainers(deps: ContainerDeps): Promise<void> {
  const running = deps.store.list().filter((container) => container.status.kind === 'running');
  const ended = (await Promise.all(running.map((container) => recoverTask(deps, container)))).filter((end) => !!end);
  const execs = deps.execs.listRunning();
  const lateExecs = new Set<string>();
  await Promise.all(execs.map(async (exec) => (await recoverExec(deps, exec)) || lateExecs.add(exec.id)));

  const alive = deps.store.list().flatMap((container) => aliveIn(deps, container));
  await deps.networks.reconcile(alive);
  const keep = new Set([
    ...alive.map(({ id }) => id),
    ...execs.filter(({ id }) => deps.tasks.find(id) ?? lateExecs.has(id)).map(({ id }) => id),
  ]);
  // A stray whose shim is stopped ends when that goes on; nobody has to wait for it.
  await within(answerMs, deps.tasks.sweep(keep));
  const stuck = await sweepCgroups(deps.facts.cgroup, deps.cgroupParent, new Set(alive.map(({ id }) => id)));
  for (const reason of stuck) deps.report('sweep of cgroups', reason);

  // Only now: booking an exit leaves the network and may remove the container, which need a settled world.
  for (const book of ended) {
    try {
      await book();
    } catch (error) {
      // One container that cannot be settled must not keep all others from being served.
      deps.report('booking of an exit', error);
    }
  }
  await deps.snapshots.sweep(new Set(deps.store.list().map(({ id }) => id)));
  await deps.volumes.sweep();
  sweepDirectories(deps);
  for (const container of deps.store.list()) {
    // What ended while no daemon ran may not be sent yet; what runs is sent since it was taken back.
    if ('finishedAt' in container.status) beginShipping(deps, container, Promise.resolve());
    bringUp(deps, container);
  }
}

/** @returns how to book its end, or undefined when it runs on */
async function recoverTask(
  deps: ContainerDeps,
  container: ContainerRecord,
): Promise<(() => Promise<void>) | undefined> {
  const { id } = container;
  const recovering = deps.tasks.recover(id, containerPaths(deps.dataRoot, id).exitRecord);
  const found = await within(answerMs, recovering);
  if (found !== undefined) return settleTask(deps, container, found);
  deps.live.noteUnresponsive(id);
  deps.report(`container ${id.slice(0, 12)} is unresponsive: ${hangOf(deps, container)?.what}`, undefined);
  deps.background.watch(`recovery of ${id}`, async () => {
    const late = await recovering;
    if (!deps.background.closed) await settleTask(deps, deps.store.get(id), late)?.();
  });
  return undefined;
}

/** @returns how to book its end, or undefined when it runs on */
function settleTask(
  deps: ContainerDeps,
  container: ContainerRecord,
  found: RecoveredTask,
): (() => Promise<void>) | undefined {
  const { id, status } = container;
  const pid = status.kind === 'running' ? status.pid : 0;
  switch (found.kind) {
    case 'running':
      deps.store.setStatus(id, {
        kind: 'running',
        pid: found.task.pid,
        startedAt: found.startedAt,
        paused: readPaused(deps, container),
      });
      deps.follow(id, found.task);
      return undefined;
    case 'exited':
      return () => bookExit(deps, id, found.record);
    case 'lost':
      return () => bookLostExit(deps, id, pid);
  }
}

/** Those that run, and those of which nobody knows better yet. */
function aliveIn(
  deps: ContainerDeps,
  { id, status }: ContainerRecord,
): readonly { readonly id: string; readonly pid: number }[] {
  const pid = deps.tasks.find(id)?.pid ?? (status.kind === 'running' && deps.live.isUnresponsive(id) ? status.pid : 0);
  return pid === 0 ? [] : [{ id, pid }];
}

/** Settles with undefined when the time is over first. */
async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T | undefined> {
  const over = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => over.resolve(undefined), timeoutMs);
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** @returns false when its shim does not answer: it is settled when that does */
async function recoverExec(deps: ContainerDeps, exec: ExecRecord): Promise<boolean> {
  const recovering = deps.tasks.recover(exec.id, join(deps.tasks.taskDir(exec.id), 'exit'));
  const found = await within(answerMs, recovering);
  if (found !== undefined) {
    settleExec(deps, exec, found);
    return true;
  }
  deps.background.watch(`recovery of exec ${exec.id}`, async () => {
    const late = await recovering;
    if (!deps.background.closed) settleExec(deps, exec, late);
  });
  return false;
}

function settleExec(deps: ContainerDeps, exec: ExecRecord, found: RecoveredTask): void {
  if (found.kind === 'running') deps.background.watch(`exec ${exec.id}`, () => followExec(deps, exec, found.task));
  else deps.execs.ended(exec.id, found.kind === 'exited' ? found.record.exitCode : 255);
}

function sweepDirectories(deps: ContainerDeps): void {
  const root = containersDir(deps.dataRoot);
  if (!existsSync(root)) return;
  for (const name of readdirSync(root))
    if (deps.store.find(name) === undefined) rmSync(join(root, name), { recursive: true, force: true });
}

/** A restart that was due when the daemon ended, and what its policy wants up after a boot. */
function bringUp(deps: ContainerDeps, container: ContainerRecord): void {
  const { id, status, hostConfig, restartCount, stoppedByUser } = container;
  if (status.kind === 'restarting') {
    scheduleRestart(deps, id, 0);
    return;
  }
  // Or the daemon ended between its exit and its removal.
  if (status.kind === 'removing' || (status.kind === 'exited' && hostConfig.autoRemove)) {
    deps.background.run(`removal of ${id}`, async () => {
      await using _lock = await deps.locks.hold(id);
      await removeLocked(deps, container, { volumes: hostConfig.autoRemove });
    });
    return;
  }
  if (
    status.kind !== 'exited' ||
    !startsAtBoot(hostConfig.restartPolicy, { exitCode: status.exitCode, restartCount, stoppedByUser })
  )
    return;
  deps.background.run(`start of ${id}`, async () => {
    await startContainer(deps, id);
  });
}
