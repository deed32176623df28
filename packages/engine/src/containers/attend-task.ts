import type { Task } from '../tasks/index.ts';
import type { ContainerDeps } from './deps.ts';
import { followTask } from './exited.ts';
import { beginShipping } from './ship-logs.ts';
import { watchHealth } from './watch-health.ts';

/** Looks after a started task for as long as it runs: its lines are sent, its end is booked, its health is probed. */
export function attendTask(deps: ContainerDeps, id: string, task: Task): void {
  beginShipping(deps, deps.store.get(id), task.exited);
  deps.background.watch(`task of ${id}`, () => followTask(deps, id, task));
  deps.background.watch(`health of ${id}`, () => watchHealth(deps, id, task));
}
