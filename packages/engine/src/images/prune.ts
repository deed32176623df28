import type { ImageDeps } from './deps.ts';
import { deleteImage, type Removal } from './remove.ts';
import type { ImageRecord } from './types.ts';

/** Removes every image that matches and that no container uses, with all its names. */
export async function pruneImages(
  deps: ImageDeps,
  match: (image: ImageRecord) => boolean,
  inUse: (imageId: string) => boolean,
): Promise<Removal> {
  const doomed = deps.records.list().filter((image) => match(image) && !inUse(image.id));
  const removals: Removal[] = [];
  for (const { id } of doomed) {
    // It may have gone, or been taken into use, while the one before was removed.
    const row = inUse(id) ? undefined : deps.rows.find(id);
    if (row !== undefined) removals.push(await deleteImage(deps, row));
  }
  return {
    deleted: removals.flatMap(({ deleted }) => deleted),
    reclaimedBytes: removals.reduce((sum, { reclaimedBytes }) => sum + reclaimedBytes, 0),
  };
}
