import type { ImageDeps } from './deps.ts';
import { deleteImage, removalOf, userOf } from './remove.ts';
import type { ImageRecord, ImageRemoval } from './types.ts';

type Wish = {
  readonly match: (image: ImageRecord) => boolean;
  readonly inUse: (imageId: string) => boolean;
};

/** Removes every image that matches and that no container uses, with all its names. */
export async function pruneImages(deps: ImageDeps, wish: Wish): Promise<ImageRemoval> {
  const removals: ImageRemoval[] = [];
  for (const { id } of unusedImages(deps, wish)) {
    // It may have gone, or been taken into use, while the one before was removed.
    const row = wish.inUse(id) ? undefined : deps.rows.find(id);
    if (row !== undefined) removals.push(await deleteImage(deps, row));
  }
  return sumOf(removals);
}

/**
 * What `pruneImages` would remove now, and does not.
 *
 * @param dropped containers that are taken for gone already
 */
export function planImagePrune(deps: ImageDeps, wish: Wish, dropped: readonly string[]): ImageRemoval {
  const rows = unusedImages(deps, wish).flatMap(({ id }) => deps.rows.find(id) ?? []);
  const users = rows.map(({ id }) => userOf(id));
  const layers = deps.snapshots.planReleases(users, dropped);
  const blobBytes = deps.content.planReleases(users);
  return sumOf(
    rows.map((row, index) =>
      removalOf(row, deps.rows.references(row.id), {
        layers: layers[index] ?? { removed: [], reclaimedBytes: 0 },
        blobBytes: blobBytes[index] ?? 0,
      }),
    ),
  );
}

function unusedImages({ records }: ImageDeps, { match, inUse }: Wish): readonly ImageRecord[] {
  return records.list().filter((image) => match(image) && !inUse(image.id));
}

function sumOf(removals: readonly ImageRemoval[]): ImageRemoval {
  return {
    deleted: removals.flatMap(({ deleted }) => deleted),
    reclaimedBytes: removals.reduce((sum, { reclaimedBytes }) => sum + reclaimedBytes, 0),
  };
}
