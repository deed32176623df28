import { EngineError } from '@gantry/base';
import { choosePlatform, formatPlatform, type Platform, parseImageConfig } from '@gantry/oci';
import type { ImageDeps } from './deps.ts';
import { type Resolved, type RowsRead, resolveImage } from './resolve.ts';
import type { ImageRow } from './rows.ts';

/** What an image says that it is for. */
export function platformOf({ config }: Pick<ImageRow, 'config'>): Platform {
  const { os, architecture, variant } = parseImageConfig(config);
  return { os, architecture, variant };
}

/** The image that runs best on a platform; an image that does not run there is none. */
export function chooseImage(images: readonly ImageRow[], wanted: Platform): ImageRow | undefined {
  return choosePlatform(
    images.map((image) => ({ image, platform: platformOf(image) })),
    wanted,
  )?.image;
}

/** All images that a name or an ID means: one for each platform that is here. */
export function familyOf(rows: RowsRead, { image, name }: Resolved): readonly ImageRow[] {
  const indexDigest = name === undefined ? undefined : rows.findReference(name)?.indexDigest;
  const others =
    name === undefined ? rows.siblings(image.id) : indexDigest === undefined ? [] : rows.members(indexDigest);
  return [image, ...others.filter((id) => id !== image.id).flatMap((id) => rows.find(id) ?? [])];
}

/**
 * The image that a name or an ID means for a platform; without one, what it means first.
 *
 * @throws not-found, with Docker's texts, for a name or a platform that is not here
 */
export function getImageFor(deps: Pick<ImageDeps, 'rows'>, nameOrId: string, wanted: Platform | undefined): ImageRow {
  const resolved = resolveImage(deps, nameOrId);
  if (wanted === undefined) return resolved.image;
  const family = familyOf(deps.rows, resolved);
  const chosen = chooseImage(family, wanted);
  if (chosen !== undefined) return chosen;
  throw wrongPlatform(nameOrId, family, wanted);
}

/** Docker's two stores have a text each: for an image of one platform, and for one of several. */
export function wrongPlatform(nameOrId: string, family: readonly ImageRow[], wanted: Platform): EngineError {
  const here = family.map((image) => formatPlatform(platformOf(image)));
  const shown = formatPlatform(wanted);
  const text =
    here.length === 1
      ? `image with reference ${nameOrId} was found but its platform (${here[0]}) does not match the specified platform (${shown})`
      : `image with reference ${nameOrId} was found but does not provide the specified platform (${shown})`;
  return new EngineError('not-found', text, {
    hint: `it is here for ${here.join(', ')}; get another with: pull --platform ${shown} ${nameOrId}`,
  });
}

/** An image that came, or images that go. */
export type IndexChange = { readonly newest: string } | { readonly without: readonly ImageRow[] };

/** What the names of an index mean first: what runs best here, else what came last, else what is first in the index. */
export function bestOf(
  deps: Pick<ImageDeps, 'rows' | 'platform'>,
  indexDigest: string,
  change: IndexChange,
): string | undefined {
  const gone = new Set('without' in change ? change.without.map(({ id }) => id) : []);
  const ids = deps.rows.members(indexDigest);
  const images = ids.filter((id) => !gone.has(id)).flatMap((id) => deps.rows.find(id) ?? []);
  const newest = 'newest' in change ? images.find(({ id }) => id === change.newest) : undefined;
  return (chooseImage(images, deps.platform) ?? newest ?? images[0])?.id;
}
