import { EngineError } from '@gantry/base';
import { formatReference, parseReference, type Reference, withDefaultTag } from '@gantry/oci';
import type { ImageRow, ImageRows } from './rows.ts';

/** What finding an image and its names needs of the rows. */
export type RowsRead = Pick<
  ImageRows,
  | 'find'
  | 'startingWith'
  | 'ofManifest'
  | 'findReference'
  | 'references'
  | 'allReferences'
  | 'members'
  | 'siblings'
  | 'namesByIndex'
>;

/** An image, and how it was found. */
export type Resolved = {
  readonly image: ImageRow;
  /** Its name in the rows' form; undefined when it was found by an ID. */
  readonly name: string | undefined;
};

/** A reference as the rows have it: the digest wins over a tag, and `latest` stands for neither. */
export function rowReference(reference: Reference): string {
  const { digest } = reference;
  return formatReference(digest === undefined ? withDefaultTag(reference) : { ...reference, tag: undefined });
}

/**
 * Finds an image as Docker does: a whole ID, then a reference, then a prefix of an ID. An ID may also be the digest of
 * a manifest, which is what a list of platforms shows.
 *
 * @throws invalid for what is neither reference nor ID, and when a prefix fits several
 */
export function findResolved(rows: RowsRead, nameOrId: string): Resolved | undefined {
  const hex = nameOrId.replace(/^sha256:/, '');
  if (/^[a-f0-9]{64}$/.test(hex)) return byId(rows, rows.find(`sha256:${hex}`)?.id ?? rows.ofManifest(hex)[0]);
  const isPrefix = /^[a-f0-9]{1,64}$/.test(hex);
  // `sha256:ab` is a prefix of an ID to Docker before it could be a repository named sha256.
  const reference = isPrefix && nameOrId !== hex ? undefined : parseReference(nameOrId);
  const name = reference === undefined ? undefined : rowReference(reference);
  const named = name === undefined ? undefined : rows.findReference(name);
  const image = named === undefined ? undefined : rows.find(named.imageId);
  if (image !== undefined) return { image, name };
  if (!isPrefix) return undefined;
  const ids = rows.startingWith(hex);
  const [first, second] = ids.length === 0 ? rows.ofManifest(hex) : ids;
  if (second !== undefined) throw new EngineError('invalid', `Multiple IDs found with provided prefix: ${nameOrId}`);
  return byId(rows, first);
}

function byId(rows: RowsRead, id: string | undefined): Resolved | undefined {
  const image = id === undefined ? undefined : rows.find(id);
  return image === undefined ? undefined : { image, name: undefined };
}

/** The image that a name or an ID means first. @throws as `findResolved` */
export function findImage({ rows }: { readonly rows: RowsRead }, nameOrId: string): ImageRow | undefined {
  return findResolved(rows, nameOrId)?.image;
}

/** @throws not-found with Docker's text, invalid */
export function getImage(deps: { readonly rows: RowsRead }, nameOrId: string): ImageRow {
  return resolveImage(deps, nameOrId).image;
}

/** An image, and whether it was found by name. @throws not-found with Docker's text, invalid */
export function resolveImage(deps: { readonly rows: RowsRead }, nameOrId: string): Resolved {
  const resolved = findResolved(deps.rows, nameOrId);
  if (resolved !== undefined) return resolved;
  throw new EngineError('not-found', `No such image: ${shownName(nameOrId)}`, hintFor(deps, nameOrId));
}

function shownName(nameOrId: string): string {
  if (/^(sha256:)?[a-f0-9]{64}$/.test(nameOrId))
    return nameOrId.startsWith('sha256:') ? nameOrId : `sha256:${nameOrId}`;
  try {
    return formatReference(withDefaultTag(parseReference(nameOrId)));
  } catch {
    // Not a reference: it was looked up as a prefix of an ID.
    return nameOrId;
  }
}

/** Another tag of the same repository is what a typo most often meant. */
function hintFor({ rows }: { readonly rows: RowsRead }, nameOrId: string): { hint?: string } {
  const name = shownName(nameOrId).replace(/[:@][^/]*$/, '');
  const near = rows.allReferences().find(({ reference }) => reference.startsWith(`${name}:`));
  return near === undefined ? {} : { hint: `there is ${near.reference}` };
}
