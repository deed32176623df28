import { EngineError, shortId } from '@gantry/base';
import { familiarName, parseReference, repositoryOf } from '@gantry/oci';
import type { ImageDeps } from './deps.ts';
import { recordImageEvent } from './image-event.ts';
import { getImage, isIdPrefix, rowReference } from './resolve.ts';
import type { ImageRow } from './rows.ts';
import type { DeletedImage } from './types.ts';

export type User = { readonly id: string; readonly running: boolean };
export type Removal = { readonly deleted: readonly DeletedImage[]; readonly reclaimedBytes: number };

const nothing: Removal = { deleted: [], reclaimedBytes: 0 };

/**
 * Removes a name, and with its last name the image, as Docker does: a name goes first; an ID takes all names of one
 * repository with it; what a container uses stays, unless `force` and the container is stopped.
 *
 * @throws not-found, conflict with Docker's texts
 */
export async function removeImage(
  deps: ImageDeps,
  nameOrId: string,
  { force, users }: { force: boolean; users: (imageId: string) => readonly User[] },
): Promise<Removal> {
  const image = getImage(deps, nameOrId);
  const inUse = users(image.id);
  const references = deps.rows.references(image.id);
  if (isIdPrefix(image.id, nameOrId)) {
    if (!isSingleName(references)) checkConflict(image, { force, inUse, isReferenced: true });
    else checkConflict(image, { force, inUse, isReferenced: false });
    return await deleteImage(deps, image);
  }
  const [user] = inUse;
  if (!force && user !== undefined && isSingleName(references)) {
    const text = `conflict: unable to remove repository reference "${nameOrId}" (must force) - container ${shortId(user.id)} is using its referenced image ${shortId(image.id)}`;
    throw new EngineError('conflict', text, { hint: `remove the container first: docker rm ${shortId(user.id)}` });
  }
  const untagged = untag(deps, image, rowReference(parseReference(nameOrId)));
  if (deps.rows.references(image.id).length > 0) return { ...nothing, deleted: untagged };
  // Its last name is gone. A container that still uses the image keeps it, without a name.
  if (inUse.some(({ running }) => running || !force)) return { ...nothing, deleted: untagged };
  const removal = await deleteImage(deps, image);
  return { ...removal, deleted: [...untagged, ...removal.deleted] };
}

/** Removes one name; the last tag of a repository takes the repository's digests with it. */
function untag(deps: ImageDeps, image: ImageRow, reference: string): DeletedImage[] {
  const { rows, db } = deps;
  return db.tx(() => {
    const gone = [reference];
    rows.removeReference(reference);
    const parsed = parseReference(reference);
    const same = rows
      .references(image.id)
      .filter((other) => repositoryOf(parseReference(other)) === repositoryOf(parsed));
    const isTag = (text: string): boolean => parseReference(text).digest === undefined;
    if (isTag(reference) && !same.some(isTag)) gone.push(...same);
    for (const name of gone) {
      rows.removeReference(name);
      recordImageEvent(deps, 'untag', { actor: image.id, name: image.id, image });
    }
    return gone.map((name) => ({ untagged: name }));
  });
}

/** The row goes first, then the layers and blobs that only this image held. */
export async function deleteImage(deps: ImageDeps, image: ImageRow): Promise<Removal> {
  const user = `image:${image.id}`;
  const untagged = deps.db.tx(() => {
    const references = deps.rows.references(image.id);
    for (const _ of references) recordImageEvent(deps, 'untag', { actor: image.id, name: image.id, image });
    recordImageEvent(deps, 'delete', { actor: image.id, name: image.id, image });
    deps.rows.remove(image.id);
    return references;
  });
  deps.records.forget(image.id);
  const { removed, reclaimedBytes: unpackedBytes } = await deps.snapshots.release(user);
  const reclaimedBytes = unpackedBytes + deps.content.release(user);
  const deleted = [
    ...untagged.map((reference) => ({ untagged: reference })),
    { deleted: image.id },
    ...removed.map((chainId) => ({ deleted: chainId })),
  ];
  return { deleted, reclaimedBytes };
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
