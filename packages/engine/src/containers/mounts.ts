import { mkdirSync, statSync } from 'node:fs';
import { EngineError } from '@gantry/base';
import { volumeDirectory } from '../volumes/index.ts';
import type { VolumeRoom } from '../volumes/types.ts';
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
 * Makes the missing sources of `-v` binds as directories, at each start, as Docker does.
 *
 * @throws invalid when a source cannot be made
 */
export function ensureBindSources(mountPoints: readonly MountPoint[]): void {
  for (const point of mountPoints) {
    if (point.type !== 'bind' || !point.createSource || exists(point.source)) continue;
    try {
      mkdirSync(point.source, { recursive: true, mode: 0o755 });
    } catch (error) {
      throw new EngineError(
        'invalid',
        `error while creating mount source path '${point.source}': ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      );
    }
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
