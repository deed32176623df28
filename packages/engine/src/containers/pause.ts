import { EngineError, isErrno, messageOf } from '@gantry/base';
import { cgroupFiles, type Freezer, freeze, isFrozen, thaw } from '@gantry/runtime';
import { containerEvent } from './container-event.ts';
import type { ContainerDeps } from './deps.ts';
import { cgroupPathOf } from './resolve-start.ts';
import type { ContainerRecord } from './types.ts';

type PauseDeps = Pick<ContainerDeps, 'db' | 'store' | 'events' | 'locks' | 'facts' | 'cgroupParent'>;

/**
 * Freezes every process of a container where it stands.
 *
 * @throws conflict with Docker's texts
 */
export async function pauseContainer(deps: PauseDeps, ref: string): Promise<void> {
  const { id } = deps.store.resolve(ref);
  await using _lock = await deps.locks.hold(id);
  const container = deps.store.get(id);
  const { status } = container;
  if (status.kind === 'restarting')
    throw new EngineError('conflict', `Container ${id} is restarting, wait until the container is running`);
  if (status.kind !== 'running') throw new EngineError('conflict', `container ${id} is not running`);
  if (status.paused) throw new EngineError('conflict', `Container ${id} is already paused`);
  const freezer = freezerOf(deps, container);
  try {
    await freeze(freezer);
  } catch (cause) {
    refuseEnded(id, cause);
    throw new EngineError('unavailable', `cannot pause container "${id.slice(0, 12)}": ${messageOf(cause)}`, { cause });
  }
  deps.db.tx(() => {
    deps.store.setStatus(id, { ...status, paused: true });
    deps.events.record('container', 'pause', id, containerEvent(container));
  });
}

/** Lets a paused container go on. @throws conflict with Docker's text */
export async function unpauseContainer(deps: PauseDeps, ref: string): Promise<void> {
  const { id } = deps.store.resolve(ref);
  await using _lock = await deps.locks.hold(id);
  const container = deps.store.get(id);
  const { status } = container;
  if (status.kind !== 'running' || !status.paused) throw new EngineError('conflict', `Container ${id} is not paused`);
  const freezer = freezerOf(deps, container);
  try {
    await thaw(freezer);
  } catch (error) {
    refuseEnded(id, error);
    throw error;
  }
  deps.db.tx(() => {
    deps.store.setStatus(id, { ...status, paused: false });
    deps.events.record('container', 'unpause', id, containerEvent(container));
  });
}

/** Its cgroup goes a moment before its exit is booked. */
function refuseEnded(id: string, cause: unknown): void {
  if (isErrno(cause, 'ENOENT') || isErrno(cause, 'ENODEV'))
    throw new EngineError('conflict', `container ${id} is not running`, { cause });
}

/** Tells what the kernel says of a running container: a daemon may have died between the freezer and the row. */
export function readPaused(deps: Pick<PauseDeps, 'facts' | 'cgroupParent'>, container: ContainerRecord): boolean {
  const freezer = cgroupFiles(deps.facts.cgroup, cgroupPathOf(deps, container)).freeze;
  return freezer !== undefined && isFrozen(freezer);
}

function freezerOf(deps: PauseDeps, container: ContainerRecord): Freezer {
  const freezer = cgroupFiles(deps.facts.cgroup, cgroupPathOf(deps, container)).freeze;
  if (freezer === undefined)
    throw new EngineError('unsupported', 'cannot pause container: the cgroup freezer is not mounted on this host');
  return freezer;
}
