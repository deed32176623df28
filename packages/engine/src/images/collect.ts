import { EngineError, shortId } from '@gantry/base';
import { statfs } from '@gantry/native';
import { chooseExpendable, type Expendable, orderByWorth, type Room, shortageOf } from './choose-expendable.ts';
import { decideWhole } from './decide-removal.ts';
import type { ImageDeps } from './deps.ts';
import { carryOut, planRemovals } from './remove.ts';
import { rowsLeft } from './rows-left.ts';
import type { CollectedImage, Collection, CollectPolicy, ImageRecord, ImageRemoval } from './types.ts';
import { measureImages } from './usage.ts';

type InUse = (imageId: string) => boolean;

/**
 * Removes images that the policy lets go, with all names and platforms, as long as no container uses them. What waits of
 * cancelled pulls goes before any image, when room is short.
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
    if (row === undefined) continue;
    const record = deps.records.of(row);
    if (!isFree(record, inUse) || lastUse(deps, record) > lastUsedAt) continue;
    const name = nameOf(deps, id);
    images.push({ id, name, why, ...(await carryOut(deps, decideWhole(deps.rows, row))) });
  }
  return { images, partialBytes };
}

/** What `collectImages` would remove now, and does not. @throws invalid when there is no policy */
export function planCollection(deps: ImageDeps, inUse: InUse): Collection {
  const { expendable, removals, dropsPartials } = planOf(deps, inUse);
  const images = expendable.flatMap(({ id, why }) => {
    const removal = removals.get(id);
    return removal === undefined ? [] : [{ id, name: nameOf(deps, id), why, ...removal }];
  });
  return { images, partialBytes: dropsPartials ? deps.content.partialBytes() : 0 };
}

type Plan = {
  readonly expendable: readonly Expendable[];
  /** What each would yield once those before it are gone. */
  readonly removals: ReadonlyMap<string, ImageRemoval>;
  readonly dropsPartials: boolean;
};

function planOf(deps: ImageDeps, inUse: InUse): Plan {
  const policy = policyOf(deps);
  const now = deps.now();
  const images = deps.records
    .list()
    .filter((image) => image.isFirst && isFree(image, inUse) && !policy.keeps(image))
    .map((image) => ({ id: image.id, lastUsedAt: lastUse(deps, image), isNamed: image.tags.length > 0 }));
  const ordered = orderByWorth(images, policy, now);
  const removals = removalsOf(deps, ordered);
  const candidates = ordered.map(({ id, lastUsedAt }) => ({
    ...{ id, lastUsedAt },
    gainBytes: removals.get(id)?.reclaimedBytes ?? 0,
  }));
  const before = roomOf(deps);
  const partialBytes = deps.content.partialBytes();
  const dropsPartials = partialBytes > 0 && shortageOf(policy, before) !== undefined;
  const room = dropsPartials ? { ...before, freeBytes: before.freeBytes + partialBytes } : before;
  return { expendable: chooseExpendable(candidates, policy, { room, now }), removals, dropsPartials };
}

/** As if they went one after another. */
function removalsOf(deps: ImageDeps, images: readonly { readonly id: string }[]): ReadonlyMap<string, ImageRemoval> {
  const rows = rowsLeft(deps.rows);
  const decisions = images.flatMap(({ id }) => {
    const row = rows.find(id);
    if (row === undefined) return [];
    const decision = decideWhole(rows, row);
    rows.drop(decision);
    return [decision];
  });
  return new Map(
    planRemovals(deps, decisions, []).flatMap((removal, index) => {
      const id = decisions[index]?.image.id;
      return id === undefined ? [] : [[id, removal]];
    }),
  );
}

/** An image of another platform goes with the one that its names mean first, and stays with it. */
function isFree({ id, siblings }: ImageRecord, inUse: InUse): boolean {
  return ![id, ...siblings].some(inUse);
}

function lastUse(deps: ImageDeps, { lastUsedAt, siblings }: ImageRecord): Date {
  const others = siblings.map((id) => deps.lastUse.find(id) ?? 0);
  return new Date(Math.max(lastUsedAt.getTime(), ...others));
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
