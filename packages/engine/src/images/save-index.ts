import { type Descriptor, type Digest, parseDigest } from '@gantry/oci';
import type { ImageDeps } from './deps.ts';
import { blobsOf, entriesOf, manifestOf } from './parse-rows.ts';
import { findMember, type ImageRow } from './rows.ts';
import type { SavedCompanion, SavedIndex, SavedMember } from './save-plan.ts';

type Chosen = { readonly row: ImageRow; readonly indexDigest: string | undefined; readonly tags: ReadonlySet<string> };

/**
 * An index as an archive gets it, if a name means one and several of its images are here as they came. Those that are
 * not are left out: the archive's index names them all the same.
 */
export function savedIndex(deps: ImageDeps, { row, indexDigest, tags }: Chosen): SavedIndex | undefined {
  const index = indexDigest === undefined ? undefined : deps.rows.findIndex(indexDigest);
  if (index === undefined) return undefined;
  const entries = entriesOf(index);
  const members = entries.flatMap(({ digest }) => savedMember(deps, digest) ?? []);
  if (new Set(members.map(({ id }) => id)).size < 2) return undefined;
  const isFirst = ({ id }: SavedMember): boolean => id === row.id;
  return {
    kind: 'index',
    index,
    members: [...members.filter(isFirst), ...members.filter((member) => !isFirst(member))],
    companions: entries.flatMap(({ digest }) => savedCompanion(deps, digest) ?? []),
    tags: [...tags],
  };
}

function savedMember(deps: ImageDeps, digest: Digest): SavedMember | undefined {
  const found = findMember(deps.rows, digest);
  if (found === undefined) return undefined;
  const { image, row: manifest } = found;
  const layers = keptBlobs(deps, manifestOf(manifest).layers);
  return layers === undefined ? undefined : { id: parseDigest(image.id), configBytes: image.config, manifest, layers };
}

function savedCompanion(deps: ImageDeps, digest: Digest): SavedCompanion | undefined {
  const manifest = deps.rows.findCompanion(digest);
  if (manifest === undefined) return undefined;
  const blobs = keptBlobs(deps, blobsOf(manifest));
  return blobs === undefined ? undefined : { manifest, blobs };
}

/** undefined when one of them is not kept here. */
function keptBlobs(
  { content }: ImageDeps,
  blobs: readonly Descriptor[],
): readonly Pick<Descriptor, 'digest' | 'sizeBytes'>[] | undefined {
  const kept = blobs.flatMap(({ digest }) => {
    const file = content.find(digest);
    return file === undefined ? [] : [{ digest, sizeBytes: file.sizeBytes }];
  });
  return kept.length === blobs.length ? kept : undefined;
}
