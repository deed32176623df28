import { isEngineError } from '@gantry/base';
import type { CollectedLayers } from '../snapshots/index.ts';
import { type Decision, decideRemoval, type Wish } from './decide-removal.ts';
import type { ImageDeps } from './deps.ts';
import { recordImageEvent } from './image-event.ts';
import type { RowsRead } from './resolve.ts';
import type { ImageRow } from './rows.ts';
import { rowsLeft } from './rows-left.ts';
import { settleNames } from './store-image.ts';
import type { ImageRemoval } from './types.ts';

/** Removes a name, or an image, and what goes with it. @throws as `decideRemoval` */
export async function removeImage(deps: ImageDeps, nameOrId: string, wish: Wish): Promise<ImageRemoval> {
  return await carryOut(deps, decideRemoval(deps.rows, nameOrId, wish));
}

/**
 * What `removeImage` would do, and does not.
 *
 * @param after names that are taken for removed already, by the same wish, in this order
 * @throws what it throws
 */
export function planImageRemoval(
  deps: ImageDeps,
  nameOrId: string,
  { after, ...wish }: Wish & { readonly after: readonly string[] },
): ImageRemoval {
  const gone: Decision[] = [];
  const rows = rowsLeft(deps.rows);
  for (const name of after) {
    const earlier = tryDecide(rows, name, wish);
    if (earlier === undefined) continue;
    rows.drop(earlier);
    gone.push(earlier);
  }
  const decision = decideRemoval(rows, nameOrId, wish);
  return planRemovals(deps, [...gone, decision], []).at(-1) ?? nothing;
}

/** What is refused is passed over, as `rmi` does with one of many names. */
function tryDecide(rows: RowsRead, name: string, wish: Wish): Decision | undefined {
  try {
    return decideRemoval(rows, name, wish);
  } catch (error) {
    if (isEngineError(error)) return undefined;
    throw error;
  }
}

/**
 * What these removals would yield, one after another. Nothing is changed.
 *
 * @param dropped containers that are taken for gone already
 */
export function planRemovals(
  { snapshots, content }: Pick<ImageDeps, 'snapshots' | 'content'>,
  decisions: readonly Decision[],
  dropped: readonly string[],
): readonly ImageRemoval[] {
  const users = decisions.flatMap(({ goes }) => goes.map(({ id }) => userOf(id)));
  const layers = snapshots.planReleases(users, dropped).values();
  const blobBytes = content.planReleases(users).values();
  return decisions.map((decision) =>
    removalOf(
      decision,
      decision.goes.map(() => ({ layers: layers.next().value ?? noLayers, blobBytes: blobBytes.next().value ?? 0 })),
    ),
  );
}

/** The rows go first, with the names, then the layers and blobs that only these images held. */
export async function carryOut(deps: ImageDeps, decision: Decision): Promise<ImageRemoval> {
  const { image, untag, goes } = decision;
  const released: Released[] = [];
  deps.db.tx(() => {
    for (const name of untag) {
      deps.rows.removeReference(name);
      recordImageEvent(deps, 'untag', { actor: image.id, name: image.id, image });
    }
    for (const one of goes) dropRow(deps, one, goes);
    deps.rows.sweepIndexes();
  });
  for (const { id } of goes) {
    deps.records.forget(id);
    const layers = await deps.snapshots.release(userOf(id));
    released.push({ layers, blobBytes: deps.content.release(userOf(id)) });
  }
  return removalOf(decision, released);
}

/** A name that means other images too goes on to the best of those: before the row is gone, which takes its names along. */
function dropRow(deps: ImageDeps, image: ImageRow, goes: readonly ImageRow[]): void {
  const { rows } = deps;
  recordImageEvent(deps, 'delete', { actor: image.id, name: image.id, image });
  const left = new Set(rows.references(image.id).flatMap((name) => rows.findReference(name)?.indexDigest ?? []));
  settleNames(deps, [...left], { without: goes });
  rows.remove(image.id);
}

type Released = { readonly layers: CollectedLayers; readonly blobBytes: number };

const noLayers: CollectedLayers = { removed: [], reclaimedBytes: 0 };
const nothing: ImageRemoval = { deleted: [], reclaimedBytes: 0 };

/** Who holds an image's layers and blobs, as those rooms know it. */
function userOf(imageId: string): string {
  return `image:${imageId}`;
}

/** The document of what goes, or would: names, images, each with its layers; and the bytes of its blobs, too. */
function removalOf({ untag, goes }: Decision, released: readonly Released[]): ImageRemoval {
  const deleted = goes.flatMap(({ id }, i) => [
    { deleted: id },
    ...(released[i]?.layers.removed ?? []).map((chainId) => ({ deleted: chainId })),
  ]);
  return {
    deleted: [...untag.map((reference) => ({ untagged: reference })), ...deleted],
    reclaimedBytes: released.reduce((sum, { layers, blobBytes }) => sum + layers.reclaimedBytes + blobBytes, 0),
  };
}
