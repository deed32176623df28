import { EngineError, messageOf, parseSignal, sigkill } from '@gantry/base';
import { containerEvent } from './container-event.ts';
import type { ContainerDeps } from './deps.ts';
import { taskOf } from './hang.ts';
import { killTask } from './stop.ts';

/**
 * Sends a signal to a container's init process. SIGKILL, and the container's own stop signal, count as a user's wish
 * that it stays down.
 *
 * @throws conflict with Docker's text when it does not run
 */
export async function killContainer(deps: ContainerDeps, ref: string, signalText: string): Promise<void> {
  const container = deps.store.resolve(ref);
  const signal = wantedSignal(ref, signalText);
  const task = taskOf(deps, container.id);
  if (container.status.kind !== 'running' || task === undefined)
    throw new EngineError('conflict', `cannot kill container: ${ref}: container ${container.id} is not running`);

  if (signal === sigkill || signal === parseSignal(container.config.stopSignal || 'SIGTERM'))
    deps.store.setStoppedByUser(container.id, true);
  deps.events.record('container', 'kill', container.id, { ...containerEvent(container), signal: String(signal) });
  if (signal === sigkill) await killTask(deps, container.id, task);
  else task.signal(signal);
}

function wantedSignal(ref: string, text: string): number {
  try {
    return parseSignal(text || 'SIGKILL');
  } catch (cause) {
    throw new EngineError('invalid', `cannot kill container: ${ref}: ${messageOf(cause)}`, { cause });
  }
}
