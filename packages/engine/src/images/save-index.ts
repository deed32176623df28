import { type Descriptor, type Digest, parseDigest, parseManifest } from '@gantry/oci';
import type { ImageDeps } from './deps.ts';
import type { MemberRow } from './index-rows.ts';
import type { ImageRow, ManifestRow } from './rows.ts';
import type { SavedCompanion, SavedIndex, SavedMember } from './save-plan.ts';

type Chosen = { readonly row: ImageRow; readonly indexDigest: string | undefined; readonly tags: ReadonlySet<string> };

/**
 * An index as an archive gets it, if a name means one and several of its images are here as they came. Those that are
 * not are left out: the archive's index names them all the same.
 */
export function savedIndex(deps: ImageDeps, { row, indexDigest, tags }: Chosen): SavedIndex | undefined {
  const index = indexDigest === undefined ? undefined : deps.rows.findIndex(indexDigest);
  if (index === undefined) return undefined;
  const members = deps.rows.members(index.digest).flatMap((member) => savedMember(deps, member) ?? []);
  if (members.length < 2) return undefined;
  const isFirst = ({ id }: SavedMember): boolean => id === row.id;
  return {
    kind: 'index',
    index,
    members: [...members.filter(isFirst), ...members.filter((member) => !isFirst(member))],
    companions: entriesOf(index).flatMap(({ digest }) => savedCompanion(deps, digest) ?? []),
    tags: [...tags],
  };
}

function savedMember(deps: ImageDeps, { image_id, digest }: MemberRow): SavedMember | undefined {
  const image = deps.rows.find(image_id);
  const manifest = deps.rows.manifests(image_id).find((one) => one.digest === digest);
  if (image === undefined || manifest === undefined) return undefined;
  const layers = keptBlobs(deps, layersOf(manifest));
  return layers === undefined ? undefined : { id: parseDigest(image.id), configBytes: image.config, manifest, layers };
}

function savedCompanion(deps: ImageDeps, digest: Digest): SavedCompanion | undefined {
  const manifest = deps.rows.findCompanion(digest);
  if (manifest === undefined) return undefined;
  const parsed = parseManifest(manifest.bytes, manifest.media_type);
  const blobs = keptBlobs(deps, parsed.kind === 'index' ? [] : [parsed.config, ...parsed.layers]);
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

function layersOf({ bytes, media_type }: ManifestRow): readonly Descriptor[] {
  const parsed = parseManifest(bytes, media_type);
  return parsed.kind === 'index' ? [] : parsed.layers;
}

function entriesOf({ bytes, media_type }: ManifestRow): readonly Descriptor[] {
  const parsed = parseManifest(bytes, media_type);
  return parsed.kind === 'index' ? parsed.manifests : [];
}
