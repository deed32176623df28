import { containerEvent } from './container-event.ts';
import type { ContainerDeps } from './deps.ts';
import { startContainer } from './start.ts';
import { type StopOptions, stopContainer } from './stop.ts';

/** Stops it when it runs, and starts it. One that is removed at its exit stays for that. */
export async function restartContainer(deps: ContainerDeps, ref: string, options: StopOptions): Promise<void> {
  const container = deps.store.resolve(ref);
  using _held = deps.live.holdRemoval(container.id);
  await stopContainer(deps, container.id, options);
  await startContainer(deps, container.id);
  deps.events.record('container', 'restart', container.id, containerEvent(container));
}
