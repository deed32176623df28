import { EngineError, shortId } from '@gantry/base';
import { familiarName, formatPlatform, type Platform, parseReference, repositoryOf, samePlatform } from '@gantry/oci';
import { familyOf, platformOf } from './platforms.ts';
import { type Resolved, type RowsRead, resolveImage } from './resolve.ts';
import type { ImageRow } from './rows.ts';

export type User = { readonly id: string; readonly running: boolean };

/** What a removal will do: names that go, and images that go with them. */
export type Decision = {
  readonly image: ImageRow;
  readonly untag: readonly string[];
  readonly goes: readonly ImageRow[];
};

export type Wish = {
  readonly force: boolean;
  readonly users: (imageId: string) => readonly User[];
  /** Only these of an image's platforms; none: the name, with all that it means. */
  readonly platforms: readonly Platform[];
};

/**
 * Says what a removal does, as Docker has it: a name goes first; an ID takes all names of one repository with it; what a
 * container uses stays, unless `force` and the container is stopped. An image of an index goes with the last name that
 * means the index.
 *
 * @throws not-found, conflict, invalid with Docker's texts
 */
export function decideRemoval(rows: RowsRead, nameOrId: string, wish: Wish): Decision {
  if (wish.platforms.length > 0) return decidePlatforms(rows, nameOrId, wish);
  const { force, users } = wish;
  const { image, name } = resolveImage({ rows }, nameOrId);
  const isSingle = isSingleName(rows.references(image.id));
  const untag = name === undefined ? allNames(rows, image) : namesGoingWith(rows, { image, name });
  const nameless = losingNames(rows, image, untag);
  const family = [image, ...nameless.filter(({ id }) => id !== image.id)];
  const inUse = family.flatMap(({ id }) => users(id));
  if (name === undefined) {
    checkConflict(image, { force, inUse, isReferenced: !isSingle });
    return { image, untag, goes: family };
  }
  const [user] = inUse;
  if (!force && user !== undefined && isSingle) {
    const text = `conflict: unable to remove repository reference "${nameOrId}" (must force) - container ${shortId(user.id)} is using its referenced image ${shortId(image.id)}`;
    throw new EngineError('conflict', text, { hint: `remove the container first: docker rm ${shortId(user.id)}` });
  }
  // Its last name goes. A container that still uses the image keeps it, without a name.
  const isFree = ({ id }: ImageRow): boolean => !users(id).some(({ running }) => running || !force);
  return { image, untag, goes: nameless.filter(isFree) };
}

/** All that goes when an image goes with all its names. */
export function decideWhole(rows: RowsRead, image: ImageRow): Decision {
  const untag = allNames(rows, image);
  const others = losingNames(rows, image, untag).filter(({ id }) => id !== image.id);
  return { image, untag, goes: [image, ...others] };
}

/** What goes when an image goes alone: names that mean other platforms too go on to mean those. */
export function decideAlone(rows: RowsRead, image: ImageRow): Decision {
  return { image, untag: namesWithout(rows, [image]), goes: [image] };
}

/**
 * Docker differs: it takes a platform from under a container that was made of it, and leaves a name that means nothing
 * when all platforms are gone.
 */
function decidePlatforms(rows: RowsRead, nameOrId: string, { force, users, platforms }: Wish): Decision {
  if (!force) {
    const text = 'Content will be removed from all images referencing this variant. Use —-force to force delete.';
    throw new EngineError('invalid', text, {
      hint: `rmi --force --platform ${platforms.map(formatPlatform).join(',')}`,
    });
  }
  const resolved = resolveImage({ rows }, nameOrId);
  const family = familyOf(rows, resolved);
  const goes = platforms.map((platform) => {
    const found = family.find((image) => samePlatform(platformOf(image), platform));
    if (found === undefined) throw noPlatform(nameOrId, { image: resolved.image, family, platform });
    checkConflict(found, { force, inUse: users(found.id), isReferenced: false });
    return found;
  });
  return { image: resolved.image, untag: namesWithout(rows, goes), goes };
}

type Lacking = { readonly image: ImageRow; readonly family: readonly ImageRow[]; readonly platform: Platform };

function noPlatform(nameOrId: string, { image, family, platform }: Lacking): EngineError {
  const shown = formatPlatform(platform);
  const text = `failed to delete platform ${shown} for image ${image.id}: image with reference ${nameOrId} was found but does not provide the specified platform (${shown})`;
  const here = family.map((one) => formatPlatform(platformOf(one))).join(', ');
  return new EngineError('not-found', text, { hint: `it is here for ${here}` });
}

/** One name; the last tag of a repository takes the repository's digests with it. */
function namesGoingWith(rows: RowsRead, resolved: Resolved & { readonly name: string }): readonly string[] {
  const { name } = resolved;
  const reference = parseReference(name);
  if (reference.digest !== undefined) return [name];
  const gone = { tags: new Set([name]), repositories: new Set([repositoryOf(reference)]) };
  return [name, ...familyOf(rows, resolved).flatMap(({ id }) => digestsGoing(rows, id, gone))];
}

/** The names of an image, and the digests of its other platforms that the last tag of a repository takes along. */
function allNames(rows: RowsRead, image: ImageRow): readonly string[] {
  const own = rows.references(image.id);
  const gone = { tags: new Set(own), repositories: new Set(own.map((name) => repositoryOf(parseReference(name)))) };
  return [...own, ...rows.siblings(image.id).flatMap((id) => digestsGoing(rows, id, gone))];
}

/** An image's names by digest, in repositories where it has no other tag than those that go. */
function digestsGoing(
  rows: RowsRead,
  id: string,
  { tags, repositories }: { readonly tags: ReadonlySet<string>; readonly repositories: ReadonlySet<string> },
): readonly string[] {
  const names = rows.references(id).map((name) => ({ name, ...parseReference(name) }));
  const staying = names.filter(({ name, digest }) => digest === undefined && !tags.has(name));
  const kept = new Set(staying.map(repositoryOf));
  return names.flatMap((one) => {
    const repository = repositoryOf(one);
    return one.digest !== undefined && repositories.has(repository) && !kept.has(repository) ? [one.name] : [];
  });
}

/** The images that no name means once these names are gone, the one that they mean first in front. */
function losingNames(rows: RowsRead, image: ImageRow, untag: readonly string[]): readonly ImageRow[] {
  const named = untag.flatMap((name) => rows.findReference(name) ?? []);
  const indexes = new Set(named.flatMap(({ indexDigest }) => indexDigest ?? []));
  const members = [...indexes].flatMap((digest) => rows.members(digest));
  const gone = new Set(untag);
  const isNamed = (id: string): boolean =>
    [...rows.references(id), ...rows.namesByIndex(id)].some((name) => !gone.has(name));
  const losing = [...new Set([image.id, ...named.map(({ imageId }) => imageId), ...members])].filter(
    (id) => !isNamed(id),
  );
  return losing.flatMap((id) => rows.find(id) ?? []);
}

/** The names that mean nothing any more once these images are gone. */
function namesWithout(rows: RowsRead, goes: readonly ImageRow[]): readonly string[] {
  const gone = new Set(goes.map(({ id }) => id));
  return goes.flatMap(({ id }) =>
    rows.references(id).filter((name) => {
      const indexDigest = rows.findReference(name)?.indexDigest;
      return indexDigest === undefined || rows.members(indexDigest).every((id) => gone.has(id));
    }),
  );
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
