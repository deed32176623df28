import { EngineError } from '@gantry/base';
import { formatReference, parseReference, type Reference, withDefaultTag } from '@gantry/oci';
import type { ImageRow, ImageRows } from './rows.ts';

/** What finding an image and its names needs of the rows. */
export type RowsRead = Pick<ImageRows, 'find' | 'startingWith' | 'findReference' | 'references' | 'allReferences'>;

/** A reference as the rows have it: the digest wins over a tag, and `latest` stands for neither. */
export function rowReference(reference: Reference): string {
  const { digest } = reference;
  return formatReference(digest === undefined ? withDefaultTag(reference) : { ...reference, tag: undefined });
}

/**
 * Finds an image as Docker does: a whole ID, then a reference, then a prefix of an ID.
 *
 * @throws invalid for what is neither reference nor ID, conflict when a prefix fits several
 */
export function findImage({ rows }: { readonly rows: RowsRead }, nameOrId: string): ImageRow | undefined {
  const hex = nameOrId.replace(/^sha256:/, '');
  if (/^[a-f0-9]{64}$/.test(hex)) return rows.find(`sha256:${hex}`);
  const isPrefix = /^[a-f0-9]{1,64}$/.test(hex);
  // `sha256:ab` is a prefix of an ID to Docker before it could be a repository named sha256.
  const reference = isPrefix && nameOrId !== hex ? undefined : parseReference(nameOrId);
  const id = reference === undefined ? undefined : rows.findReference(rowReference(reference));
  if (id !== undefined) return rows.find(id);
  const [first, second] = isPrefix ? rows.startingWith(hex) : [];
  if (second !== undefined) throw new EngineError('invalid', `Multiple IDs found with provided prefix: ${nameOrId}`);
  return first === undefined ? undefined : rows.find(first);
}

/** @throws not-found with Docker's text */
export function getImage(deps: { readonly rows: RowsRead }, nameOrId: string): ImageRow {
  const row = findImage(deps, nameOrId);
  if (row !== undefined) return row;
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

/** Tells whether a name given by a user is (the beginning of) this image's ID rather than a reference. */
export function isIdPrefix(imageId: string, nameOrId: string): boolean {
  return nameOrId !== '' && (imageId.startsWith(nameOrId) || imageId.slice('sha256:'.length).startsWith(nameOrId));
}
