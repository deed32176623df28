import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { KeyedLock } from '@gantry/base';
import { type Layout, layoutOf } from './layout.ts';
import { ManifestCache } from './manifest-cache.ts';
import { Pins } from './pins.ts';
import { Repositories } from './repositories.ts';
import { Uploads } from './uploads.ts';

/** A registry's directory, and what one process knows about it. */
export type Store = {
  readonly layout: Layout;
  readonly pins: Pins;
  /** By repository: held by whoever changes its manifests or tags. */
  readonly locks: KeyedLock;
  readonly cache: ManifestCache;
  readonly repositories: Repositories;
  readonly uploads: Uploads;
  /** Unix milliseconds. */
  readonly now: () => number;
};

/**
 * Opens a registry's directory, which is made if it is not there, and sweeps what a crash left half-written. Uploads are
 * left: their clients may go on with them.
 *
 * The caller sees to it that no other process has it open.
 */
export function openStore(root: string, options: { cacheBytes: number; now: () => number }): Store {
  const layout = layoutOf(root);
  for (const path of [layout.root, layout.blobs, layout.repositories, layout.deltas, layout.uploads, layout.temporary])
    mkdirSync(path, { recursive: true });
  for (const name of readdirSync(layout.temporary)) rmSync(join(layout.temporary, name), { force: true });
  return {
    layout,
    pins: new Pins(),
    locks: new KeyedLock(),
    cache: new ManifestCache(options.cacheBytes),
    repositories: new Repositories(layout),
    uploads: new Uploads(layout),
    now: options.now,
  };
}
