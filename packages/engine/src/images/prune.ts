import type { ImageDeps } from './deps.ts';
import { deleteImage, type Removal } from './remove.ts';
import type { ImageRecord } from './types.ts';

/** Removes every image that matches and that no container uses, with all its names. */
export function pruneImages(
  deps: ImageDeps,
  match: (image: ImageRecord) => boolean,
  inUse: (imageId: string) => boolean,
): Removal {
  const doomed = deps.records.list().filter((image) => match(image) && !inUse(image.id));
  const removals = doomed.flatMap(({ id }) => {
    const row = deps.rows.find(id);
    return row === undefined ? [] : [deleteImage(deps, row)];
  });
  return {
    deleted: removals.flatMap(({ deleted }) => deleted),
    reclaimedBytes: removals.reduce((sum, { reclaimedBytes }) => sum + reclaimedBytes, 0),
  };
}
