import { EngineError, isEngineError, shortId } from '@gantry/base';
import { familiarName, parseReference, repositoryOf } from '@gantry/oci';
import type { CollectedLayers } from '../snapshots/index.ts';
import type { ImageDeps } from './deps.ts';
import { recordImageEvent } from './image-event.ts';
import { getImage, isIdPrefix, type RowsRead, rowReference } from './resolve.ts';
import type { ImageRow, ImageRows } from './rows.ts';
import type { ImageRemoval } from './types.ts';

export type User = { readonly id: string; readonly running: boolean };

/** What a removal will do: names that go, and whether the image goes with them. */
type Decision = { readonly image: ImageRow; readonly untag: readonly string[]; readonly deletes: boolean };
type Wish = { readonly force: boolean; readonly users: (imageId: string) => readonly User[] };

/**
 * Removes a name, and with its last name the image, as Docker does: a name goes first; an ID takes all names of one
 * repository with it; what a container uses stays, unless `force` and the container is stopped.
 *
 * @throws not-found, conflict with Docker's texts
 */
export async function removeImage(deps: ImageDeps, nameOrId: string, wish: Wish): Promise<ImageRemoval> {
  const { image, untag, deletes } = decideRemoval(deps, nameOrId, wish);
  if (deletes) return await deleteImage(deps, image);
  removeNames(deps, image, untag);
  return { deleted: untag.map((name) => ({ untagged: name })), reclaimedBytes: 0 };
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
  for (const name of after) {
    const earlier = tryDecide({ rows: rowsWithout(deps.rows, gone) }, name, wish);
    if (earlier !== undefined) gone.push(earlier);
  }
  const { image, untag, deletes } = decideRemoval({ rows: rowsWithout(deps.rows, gone) }, nameOrId, wish);
  if (!deletes) return { deleted: untag.map((name) => ({ untagged: name })), reclaimedBytes: 0 };
  const users = gone.filter((earlier) => earlier.deletes).map((earlier) => userOf(earlier.image.id));
  const all = [...users, userOf(image.id)];
  const layers = deps.snapshots.planReleases(all, []).at(-1) ?? noLayers;
  return removalOf(image, untag, { layers, blobBytes: deps.content.planReleases(all).at(-1) ?? 0 });
}

/** What is refused is passed over, as `rmi` does with one of many names. */
function tryDecide(deps: { readonly rows: RowsRead }, name: string, wish: Wish): Decision | undefined {
  try {
    return decideRemoval(deps, name, wish);
  } catch (error) {
    if (isEngineError(error)) return undefined;
    throw error;
  }
}

/** The rows as they would be once these removals were done. */
function rowsWithout(rows: ImageRows, gone: readonly Decision[]): RowsRead {
  const images = new Set(gone.filter(({ deletes }) => deletes).map(({ image }) => image.id));
  const names = new Set(gone.flatMap(({ untag }) => untag));
  return {
    find: (id) => (images.has(id) ? undefined : rows.find(id)),
    startingWith: (prefix) => rows.startingWith(prefix).filter((id) => !images.has(id)),
    findReference: (name) => (names.has(name) ? undefined : rows.findReference(name)),
    references: (id) => rows.references(id).filter((name) => !names.has(name)),
    allReferences: () => rows.allReferences().filter(({ reference }) => !names.has(reference)),
  };
}

function decideRemoval({ rows }: { readonly rows: RowsRead }, nameOrId: string, { force, users }: Wish): Decision {
  const image = getImage({ rows }, nameOrId);
  const inUse = users(image.id);
  const references = rows.references(image.id);
  const isSingle = isSingleName(references);
  if (isIdPrefix(image.id, nameOrId)) {
    checkConflict(image, { force, inUse, isReferenced: !isSingle });
    return { image, untag: references, deletes: true };
  }
  const [user] = inUse;
  if (!force && user !== undefined && isSingle) {
    const text = `conflict: unable to remove repository reference "${nameOrId}" (must force) - container ${shortId(user.id)} is using its referenced image ${shortId(image.id)}`;
    throw new EngineError('conflict', text, { hint: `remove the container first: docker rm ${shortId(user.id)}` });
  }
  const untag = namesGoingWith(rowReference(parseReference(nameOrId)), references);
  const isLast = references.every((name) => untag.includes(name));
  // Its last name goes. A container that still uses the image keeps it, without a name.
  return { image, untag, deletes: isLast && !inUse.some(({ running }) => running || !force) };
}

/** One name; the last tag of a repository takes the repository's digests with it. */
function namesGoingWith(reference: string, references: readonly string[]): readonly string[] {
  const repository = repositoryOf(parseReference(reference));
  const isTag = (text: string): boolean => parseReference(text).digest === undefined;
  const same = references.filter((name) => repositoryOf(parseReference(name)) === repository);
  const isLastTag = isTag(reference) && same.filter(isTag).length === 1;
  return isLastTag ? same : [reference];
}

function removeNames(deps: ImageDeps, image: ImageRow, names: readonly string[]): void {
  deps.db.tx(() => {
    for (const name of names) {
      deps.rows.removeReference(name);
      recordImageEvent(deps, 'untag', { actor: image.id, name: image.id, image });
    }
  });
}

/** The row goes first, with all its names, then the layers and blobs that only this image held. */
export async function deleteImage(deps: ImageDeps, image: ImageRow): Promise<ImageRemoval> {
  const user = userOf(image.id);
  const untagged = deps.db.tx(() => {
    const references = deps.rows.references(image.id);
    for (const _ of references) recordImageEvent(deps, 'untag', { actor: image.id, name: image.id, image });
    recordImageEvent(deps, 'delete', { actor: image.id, name: image.id, image });
    deps.rows.remove(image.id);
    return references;
  });
  deps.records.forget(image.id);
  const layers = await deps.snapshots.release(user);
  return removalOf(image, untagged, { layers, blobBytes: deps.content.release(user) });
}

const noLayers: CollectedLayers = { removed: [], reclaimedBytes: 0 };

/** Who holds an image's layers and blobs, as those rooms know it. */
export function userOf(imageId: string): string {
  return `image:${imageId}`;
}

/** The document of an image that goes, or would: its names, itself, its layers; and the bytes of its blobs, too. */
export function removalOf(
  image: ImageRow,
  untagged: readonly string[],
  { layers, blobBytes }: { layers: CollectedLayers; blobBytes: number },
): ImageRemoval {
  const deleted = [
    ...untagged.map((reference) => ({ untagged: reference })),
    { deleted: image.id },
    ...layers.removed.map((chainId) => ({ deleted: chainId })),
  ];
  return { deleted, reclaimedBytes: layers.reclaimedBytes + blobBytes };
}

/** One tag at most, and all names within one repository: then an ID means the image, not one of many. */
function isSingleName(references: readonly string[]): boolean {
  if (references.length <= 1) return true;
  const parsed = references.map(parseReference);
  const tags = parsed.filter(({ digest }) => digest === undefined);
  return tags.length <= 1 && new Set(parsed.map(familiarName)).size === 1;
}

type Situation = { readonly force: boolean; readonly inUse: readonly User[]; readonly isReferenced: boolean };

function checkConflict(image: ImageRow, { force, inUse, isReferenced }: Situation): void {
  const conflict = (how: string, why: string): EngineError =>
    new EngineError('conflict', `conflict: unable to delete ${shortId(image.id)} (${how}) - ${why}`);
  const running = inUse.find((user) => user.running);
  if (running !== undefined)
    throw conflict('cannot be forced', `image is being used by running container ${shortId(running.id)}`);
  if (force) return;
  if (isReferenced) throw conflict('must be forced', 'image is referenced in multiple repositories');
  const [stopped] = inUse;
  if (stopped !== undefined)
    throw conflict('must be forced', `image is being used by stopped container ${shortId(stopped.id)}`);
}
