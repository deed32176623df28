import { EngineError, shortId } from '@gantry/base';
import { statfs } from '@gantry/native';
import { chooseExpendable, type Expendable, orderByWorth, type Room, shortageOf } from './choose-expendable.ts';
import type { ImageDeps } from './deps.ts';
import { deleteImage, removalOf, userOf } from './remove.ts';
import type { CollectedImage, Collection, CollectPolicy } from './types.ts';
import { measureImages } from './usage.ts';

type InUse = (imageId: string) => boolean;

/**
 * Removes images that the policy lets go, all names included, as long as no container uses them. What waits of cancelled
 * pulls goes before any image, when room is short.
 *
 * @throws invalid when there is no policy
 */
export async function collectImages(deps: ImageDeps, inUse: InUse): Promise<Collection> {
  const plan = planOf(deps, inUse);
  const partialBytes = plan.dropsPartials ? deps.content.dropPartials() : 0;
  const images: CollectedImage[] = [];
  for (const { id, lastUsedAt, why } of plan.expendable) {
    const row = deps.rows.find(id);
    // Others had their turn while the one before was removed.
    if (row === undefined || inUse(id) || deps.records.of(row).lastUsedAt > lastUsedAt) continue;
    const name = nameOf(deps, id);
    images.push({ id, name, why, ...(await deleteImage(deps, row)) });
  }
  return { images, partialBytes };
}

/** What `collectImages` would remove now, and does not. @throws invalid when there is no policy */
export function planCollection(deps: ImageDeps, inUse: InUse): Collection {
  const { expendable, dropsPartials } = planOf(deps, inUse);
  const users = expendable.map(({ id }) => userOf(id));
  const layers = deps.snapshots.planReleases(users, []);
  const blobBytes = deps.content.planReleases(users);
  const images = expendable.flatMap(({ id, why }, index) => {
    const row = deps.rows.find(id);
    if (row === undefined) return [];
    const gains = { layers: layers[index] ?? { removed: [], reclaimedBytes: 0 }, blobBytes: blobBytes[index] ?? 0 };
    return [{ id, name: nameOf(deps, id), why, ...removalOf(row, deps.rows.references(id), gains) }];
  });
  return { images, partialBytes: dropsPartials ? deps.content.partialBytes() : 0 };
}

function planOf(deps: ImageDeps, inUse: InUse): { readonly expendable: Expendable[]; readonly dropsPartials: boolean } {
  const policy = policyOf(deps);
  const now = deps.now();
  const images = deps.records
    .list()
    .filter((image) => !inUse(image.id) && !policy.keeps(image))
    .map(({ id, tags, lastUsedAt }) => ({ id, lastUsedAt, isNamed: tags.length > 0 }));
  const ordered = orderByWorth(images, policy, now);
  const users = ordered.map(({ id }) => userOf(id));
  const layers = deps.snapshots.planReleases(users, []);
  const blobBytes = deps.content.planReleases(users);
  const candidates = ordered.map(({ id, lastUsedAt }, index) => ({
    ...{ id, lastUsedAt },
    gainBytes: (layers[index]?.reclaimedBytes ?? 0) + (blobBytes[index] ?? 0),
  }));
  const before = roomOf(deps);
  const partialBytes = deps.content.partialBytes();
  const dropsPartials = partialBytes > 0 && shortageOf(policy, before) !== undefined;
  const { usedBytes, freeBytes } = before;
  const room = dropsPartials
    ? { ...before, usedBytes: usedBytes - partialBytes, freeBytes: freeBytes + partialBytes }
    : before;
  return { expendable: chooseExpendable(candidates, policy, { room, now }), dropsPartials };
}

function policyOf({ imagePolicy }: ImageDeps): CollectPolicy {
  if (imagePolicy !== undefined) return imagePolicy;
  throw new EngineError('invalid', 'cannot collect images: the daemon has no policy for it', {
    hint: 'set "image-gc" in daemon.json, or remove unused images with: image prune --all',
  });
}

function roomOf(deps: ImageDeps): Room {
  const { blockSizeBytes, blocks, blocksAvailable } = statfs(deps.dataRoot);
  return {
    usedBytes: measureImages(deps).totalBytes,
    freeBytes: blocksAvailable * blockSizeBytes,
    totalBytes: blocks * blockSizeBytes,
  };
}

/** A tag if it has one, else a digest, else its short ID. */
function nameOf({ rows }: ImageDeps, id: string): string {
  const references = rows.references(id);
  return references.find((reference) => !reference.includes('@')) ?? references[0] ?? shortId(id);
}
