import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerDeps } from './deps.ts';
import { followExec } from './exec-start.ts';
import { bookExit, lostExit, scheduleRestart } from './exited.ts';
import { containerPaths, containersDir } from './paths.ts';
import { readPaused } from './pause.ts';
import { removeLocked } from './remove.ts';
import { startsAtBoot } from './restart-policy.ts';
import { startContainer } from './start.ts';
import { sweepCgroups } from './sweep-cgroups.ts';
import type { ContainerRecord } from './types.ts';

/**
 * Makes rows and world agree when a daemon comes up: takes back what runs, books what ended meanwhile, sweeps what no
 * row owns. Nothing is served before it is done; restarts that policies ask for follow in the background.
 */
export async function reconcileContainers(deps: ContainerDeps): Promise<void> {
  const running = deps.store.list().filter((container) => container.status.kind === 'running');
  const ended = (await Promise.all(running.map((container) => recoverTask(deps, container)))).filter((end) => !!end);
  const execs = deps.execs.listRunning();
  await Promise.all(execs.map((exec) => recoverExec(deps, exec.id)));

  const alive = deps.store.list().flatMap(({ id }) => deps.tasks.find(id) ?? []);
  await deps.networks.reconcile(alive.map(({ key, pid }) => ({ id: key, pid })));
  const keep = new Set([
    ...alive.map(({ key }) => key),
    ...execs.filter(({ id }) => deps.tasks.find(id)).map(({ id }) => id),
  ]);
  await deps.tasks.sweep(keep);
  sweepCgroups(deps.facts.cgroup, deps.cgroupParent, new Set(alive.map(({ key }) => key)));

  // Only now: booking an exit leaves the network and may remove the container, which need a settled world.
  for (const book of ended) await book();
  await deps.snapshots.sweep(new Set(deps.store.list().map(({ id }) => id)));
  await deps.volumes.sweep();
  sweepDirectories(deps);
  for (const container of deps.store.list()) bringUp(deps, container);
}

/** @returns how to book its end, or undefined when it runs on */
async function recoverTask(
  deps: ContainerDeps,
  container: ContainerRecord,
): Promise<(() => Promise<void>) | undefined> {
  const { id, status } = container;
  const pid = status.kind === 'running' ? status.pid : 0;
  const found = await deps.tasks.recover(id, containerPaths(deps.dataRoot, id).exitRecord);
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
      return () => bookExit(deps, id, lostExit(pid, deps.now()));
  }
}

async function recoverExec(deps: ContainerDeps, execId: string): Promise<void> {
  const found = await deps.tasks.recover(execId, join(deps.tasks.taskDir(execId), 'exit'));
  if (found.kind === 'running') deps.background.watch(`exec ${execId}`, () => followExec(deps, execId, found.task));
  else deps.execs.ended(execId, found.kind === 'exited' ? found.record.exitCode : 255);
}

function sweepDirectories(deps: ContainerDeps): void {
  const root = containersDir(deps.dataRoot);
  if (!existsSync(root)) return;
  for (const name of readdirSync(root))
    if (deps.store.find(name) === undefined) rmSync(join(root, name), { recursive: true, force: true });
}

/** A restart that was due when the daemon ended, and what its policy wants up after a boot. */
function bringUp(deps: ContainerDeps, container: ContainerRecord): void {
  const { id, status, hostConfig, stoppedByUser } = container;
  if (status.kind === 'restarting') {
    scheduleRestart(deps, id, 0);
    return;
  }
  if (status.kind === 'removing') {
    deps.background.run(`removal of ${id}`, async () => {
      await using _lock = await deps.locks.hold(id);
      await removeLocked(deps, container, { volumes: false });
    });
    return;
  }
  if (status.kind !== 'exited' || !startsAtBoot(hostConfig.restartPolicy, status.exitCode, stoppedByUser)) return;
  deps.background.run(`start of ${id}`, async () => {
    await startContainer(deps, id);
  });
}
