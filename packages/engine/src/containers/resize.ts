import { EngineError } from '@gantry/base';
import type { ContainerDeps } from './deps.ts';
import { taskOf } from './hang.ts';

/** Tells a container's terminal its new size. @throws conflict with Docker's text when it does not run */
export function resizeContainer(deps: ContainerDeps, ref: string, size: { rows: number; columns: number }): void {
  const { id, status } = deps.store.resolve(ref);
  const task = taskOf(deps, id);
  if (status.kind !== 'running' || task === undefined)
    throw new EngineError('conflict', `cannot resize a stopped container: Container ${id} is not running`);
  task.resize(size.rows, size.columns);
  deps.events.record('container', 'resize', id, { height: String(size.rows), width: String(size.columns) });
}
