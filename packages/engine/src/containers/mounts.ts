import { mkdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { EngineError, messageOf } from '@gantry/base';
import { volumeDirectory } from '../volumes/index.ts';
import type { VolumeRoom } from '../volumes/types.ts';
import { checkPropagation } from './check-propagation.ts';
import { planMounts } from './plan-mounts.ts';
import type { ContainerStore } from './store.ts';
import type { ContainerConfig, HostConfig, MountPoint } from './types.ts';

/** A new container, before it has a row. */
export type MountRequest = {
  readonly containerId: string;
  /** Merged with the image's. */
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
};

/**
 * Resolves everything that a container has mounted: volumes are made (or found) and held for it.
 *
 * Called inside the transaction that inserts the container, so that a failed creation leaves no volume row.
 *
 * @throws invalid, not-found and conflict with Docker's texts
 */
export function resolveMounts(
  deps: { readonly store: ContainerStore; readonly volumes: VolumeRoom },
  request: MountRequest,
): readonly MountPoint[] {
  const intents = planMounts(request.config, request.hostConfig, (ref) => deps.store.resolve(ref).mountPoints);
  return intents.map(({ point, volume, sourceMustExist }) => {
    if (sourceMustExist && !exists(point.source))
      throw new EngineError(
        'invalid',
        `invalid mount config for type "bind": bind source path does not exist: ${point.source}`,
      );
    if (point.type !== 'volume') return point;
    const made = volume === undefined ? deps.volumes.get(point.name) : deps.volumes.create(volume);
    deps.volumes.hold(made.name, request.containerId);
    const { path, readOnly } = volumeDirectory(made);
    return { ...point, name: made.name, driver: made.driver, source: path, writable: point.writable && !readOnly };
  });
}

/**
 * Makes the sources of binds ready, at each start: missing ones of `-v` are made as directories, as Docker does, and what
 * shall share mounts with its container must be able to.
 *
 * @throws invalid with Docker's texts
 */
export function ensureBindSources(mountPoints: readonly MountPoint[]): void {
  for (const point of mountPoints) {
    if (point.type !== 'bind') continue;
    if (point.createSource && !exists(point.source)) makeSource(point.source);
    if (/shared|slave/.test(point.propagation) && exists(point.source))
      checkPropagation(readFileSync('/proc/self/mountinfo', 'utf8'), point, realpathSync(point.source));
  }
}

function makeSource(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o755 });
  } catch (cause) {
    throw new EngineError('invalid', `error while creating mount source path '${path}': ${messageOf(cause)}`, {
      cause,
    });
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
