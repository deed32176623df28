import { rm } from 'node:fs/promises';
import { EngineError, isEngineError, sigkill } from '@gantry/base';
import type { ContainerRemoval } from '../engine.ts';
import { containerEvent } from './container-event.ts';
import type { ContainerDeps } from './deps.ts';
import { taskOf } from './hang.ts';
import { containerPaths } from './paths.ts';
import { killTask } from './stop.ts';
import type { ContainerRecord } from './types.ts';

export type RemoveOptions = { readonly force: boolean; readonly volumes: boolean; readonly link: boolean };

/**
 * Removes a container: with `force` also a running one, with `volumes` its anonymous volumes too.
 *
 * @throws conflict with Docker's text when it runs and force is not given
 */
export async function removeContainer(deps: ContainerDeps, ref: string, options: RemoveOptions): Promise<void> {
  const { id } = deps.store.resolve(ref);
  if (options.link) refuseLink(ref);
  if (!options.force) return removeStopped(deps, id, options);
  for (let attempt = 1; ; attempt++) {
    await endTask(deps, id);
    try {
      return await removeStopped(deps, id, options);
    } catch (error) {
      // A start that held the lock came through in between: it is ended like the run before it.
      if (!isEngineError(error, 'conflict') || attempt === longestRace) throw error;
    }
  }
}

/**
 * What `removeContainer` would take along, and changes nothing.
 *
 * @param options with containers that are taken for removed already, in the same way
 * @throws what it throws
 */
export async function planContainerRemoval(
  deps: ContainerDeps,
  ref: string,
  { after, ...options }: RemoveOptions & { readonly after: readonly string[] },
): Promise<ContainerRemoval> {
  const container = decideRemoval(deps, ref, options);
  const { id, name, status, hostConfig } = container;
  const gone = after.flatMap((earlier) => tryDecide(deps, earlier, options)?.id ?? []);
  // Ended by force, one with --rm goes by its own removal, which takes its volumes.
  const takesVolumes = options.volumes || (status.kind === 'running' && hostConfig.autoRemove);
  const anonymous = takesVolumes ? anonymousVolumes(deps, container, gone) : [];
  const layers = deps.snapshots.planDrop(id, gone);
  const { diskBytes } = await deps.snapshots.usage(id);
  const sizes = await Promise.all(anonymous.map((volume) => deps.volumes.usage(volume)));
  const reclaimedBytes = sizes.reduce((sum, bytes) => sum + bytes, layers.reclaimedBytes + diskBytes);
  return { id, name, volumes: anonymous, layers: layers.removed, reclaimedBytes };
}

/** Whether it may be removed. @throws conflict, unsupported, not-found */
function decideRemoval(deps: ContainerDeps, ref: string, { force, link }: RemoveOptions): ContainerRecord {
  const container = deps.store.resolve(ref);
  if (link) refuseLink(ref);
  if (!force) refuseRunning(container);
  return container;
}

/** What is refused is passed over, as `rm` does with one of many names. */
function tryDecide(deps: ContainerDeps, ref: string, options: RemoveOptions): ContainerRecord | undefined {
  try {
    return decideRemoval(deps, ref, options);
  } catch (error) {
    if (isEngineError(error)) return undefined;
    throw error;
  }
}

/** How often a forced removal ends a container that others start again and again. */
const longestRace = 10;

async function removeStopped(deps: ContainerDeps, id: string, { force, volumes }: RemoveOptions): Promise<void> {
  await using _lock = await deps.locks.hold(id);
  const container = deps.store.find(id);
  // Its own auto-removal came first: what was asked for is done.
  if (container === undefined) return;
  if (!(force && container.status.kind === 'restarting')) refuseRunning(container);
  await removeLocked(deps, container, { volumes });
}

/**
 * The removal itself, with the container's lock held. The row goes first: from then on the container does not exist,
 * and files that a crash leaves behind are swept at boot.
 */
export async function removeLocked(
  deps: ContainerDeps,
  container: ContainerRecord,
  options: { volumes: boolean },
): Promise<void> {
  const { id, status } = container;
  deps.live.cancelRestart(id);
  // Its log goes with it.
  await deps.shipping.caughtUp(id);
  const anonymous = options.volumes ? anonymousVolumes(deps, container, []) : [];
  const removeSnapshot = deps.db.tx(() => {
    deps.networks.detachAll(id);
    deps.volumes.release(id);
    deps.execs.forget(id);
    deps.health.drop(id);
    deps.shipping.forget(id);
    deps.store.delete(id);
    deps.images.markUsed(container.imageId);
    deps.events.record('container', 'destroy', id, containerEvent(container));
    return deps.snapshots.drop(id);
  });
  deps.live.removed(id, { exitCode: status.kind === 'exited' ? status.exitCode : failureCode(container), error: '' });
  for (const name of anonymous) deps.background.run(`removal of ${name}`, () => deps.volumes.remove(name, true));
  deps.background.runLater(`removal of ${id}`, async () => {
    await Promise.all([removeSnapshot(), rm(containerPaths(deps.dataRoot, id).dir, { recursive: true, force: true })]);
  });
}

async function endTask(deps: ContainerDeps, id: string): Promise<void> {
  const task = taskOf(deps, id);
  deps.live.cancelRestart(id);
  if (task === undefined || deps.store.find(id)?.status.kind !== 'running') return;
  const container = deps.store.setStoppedByUser(id, true);
  deps.events.record('container', 'kill', id, { ...containerEvent(container), signal: String(sigkill) });
  await killTask(deps, id, task);
}

function refuseLink(ref: string): never {
  throw new EngineError('unsupported', `cannot remove link "${ref}": links are kept with their container`);
}

function refuseRunning({ name, status }: ContainerRecord): void {
  const advice = adviceFor(status);
  if (advice !== undefined) throw new EngineError('conflict', `cannot remove container "${name}": ${advice}`);
}

function adviceFor(status: ContainerRecord['status']): string | undefined {
  if (status.kind === 'running' && status.paused) return 'container is paused and must be unpaused first';
  if (status.kind !== 'running' && status.kind !== 'restarting') return undefined;
  return `container is ${status.kind}: stop the container before removing or force remove`;
}

/** Those that nobody else holds but who is gone. */
function anonymousVolumes(deps: ContainerDeps, container: ContainerRecord, gone: readonly string[]): string[] {
  const leaving = new Set([...gone, container.id]);
  return container.mountPoints
    .filter((mount) => mount.type === 'volume' && deps.volumes.find(mount.name)?.anonymous === true)
    .filter((mount) => deps.volumes.holders(mount.name).every((holder) => leaving.has(holder)))
    .map((mount) => mount.name);
}

function failureCode({ status }: ContainerRecord): number {
  return status.kind === 'created' ? (status.failure?.exitCode ?? 0) : 0;
}
