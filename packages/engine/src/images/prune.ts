import { type Decision, decideWhole } from './decide-removal.ts';
import type { ImageDeps } from './deps.ts';
import { carryOut, planRemovals } from './remove.ts';
import { rowsLeft } from './rows-left.ts';
import type { ImageRecord, ImageRemoval } from './types.ts';

type Wish = {
  readonly match: (image: ImageRecord) => boolean;
  readonly inUse: (imageId: string) => boolean;
};

/** Removes every image that matches and that no container uses, with all its names and all its platforms. */
export async function pruneImages(deps: ImageDeps, wish: Wish): Promise<ImageRemoval> {
  const removals: ImageRemoval[] = [];
  for (const { id } of unusedImages(deps, wish)) {
    // It may have gone, or been taken into use, while the one before was removed.
    const row = wish.inUse(id) ? undefined : deps.rows.find(id);
    if (row !== undefined) removals.push(await carryOut(deps, decideWhole(deps.rows, row)));
  }
  return sumOf(removals);
}

/**
 * What `pruneImages` would remove now, and does not.
 *
 * @param dropped containers that are taken for gone already
 */
export function planImagePrune(deps: ImageDeps, wish: Wish, dropped: readonly string[]): ImageRemoval {
  const gone: Decision[] = [];
  const rows = rowsLeft(deps.rows);
  for (const { id } of unusedImages(deps, wish)) {
    const row = rows.find(id);
    if (row === undefined) continue;
    const decision = decideWhole(rows, row);
    rows.drop(decision);
    gone.push(decision);
  }
  return sumOf(planRemovals(deps, gone, dropped));
}

/** An image of another platform goes with the one that its names mean first, and stays with it. */
function unusedImages({ records }: ImageDeps, { match, inUse }: Wish): readonly ImageRecord[] {
  const isFree = ({ id, siblings }: ImageRecord): boolean => ![id, ...siblings].some(inUse);
  return records.list().filter((image) => image.isFirst && match(image) && isFree(image));
}

function sumOf(removals: readonly ImageRemoval[]): ImageRemoval {
  return {
    deleted: removals.flatMap(({ deleted }) => deleted),
    reclaimedBytes: removals.reduce((sum, { reclaimedBytes }) => sum + reclaimedBytes, 0),
  };
}
