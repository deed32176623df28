import { type Descriptor, type EntryKind, entryKind, plainDescriptor } from '@gantry/oci';
import type { ImageDeps } from './deps.ts';
import { blobsOf, entriesOf } from './parse-rows.ts';
import { platformOf } from './platforms.ts';
import { resolveImage } from './resolve.ts';
import { findMember, type ImageRow, type ManifestRow } from './rows.ts';
import type { ImageManifest } from './types.ts';

type Deps = Pick<ImageDeps, 'rows' | 'records' | 'content'>;

/**
 * Lists what the index of an image has, what is not here too; or the one manifest that it came with. An image whose names
 * mean several indexes shows them all.
 *
 * @throws not-found
 */
export function describeManifests(deps: Deps, nameOrId: string): readonly ImageManifest[] {
  const { rows } = deps;
  const { image, name } = resolveImage(deps, nameOrId);
  const names = name === undefined ? rows.references(image.id) : [name];
  const digests = new Set(names.flatMap((one) => rows.findReference(one)?.indexDigest ?? []));
  if (digests.size === 0) return alone(deps, image);
  const indexes = [...digests].flatMap((digest) => rows.findIndex(digest) ?? []);
  const entries = indexes.flatMap(entriesOf);
  const once = new Map(entries.map((entry) => [entry.digest, entry]));
  return [...once.values()].map((entry) => describeEntry(deps, entry));
}

function alone(deps: Deps, image: ImageRow): readonly ImageManifest[] {
  const { target } = deps.records.of(image);
  return target === undefined ? [] : [describeImage(deps, plainDescriptor(target), image)];
}

function describeEntry(deps: Deps, descriptor: Descriptor): ImageManifest {
  const entry = entryKind(descriptor);
  if (entry.kind !== 'image') return describeCompanion(deps, descriptor, entry);
  return describeImage(deps, descriptor, findMember(deps.rows, descriptor.digest)?.image);
}

const unknownPlatform = { os: 'unknown', architecture: 'unknown', variant: '' };

function describeImage(deps: Deps, descriptor: Descriptor, image: ImageRow | undefined): ImageManifest {
  const platform = descriptor.platform ?? (image === undefined ? unknownPlatform : platformOf(image));
  if (image === undefined) {
    const nothing = { imageId: undefined, isAvailable: false, contentBytes: 0, unpackedBytes: 0 };
    return { kind: 'image', descriptor, platform, ...nothing };
  }
  const row = deps.rows.manifests(image.id).find(({ digest }) => digest === descriptor.digest);
  return {
    kind: 'image',
    descriptor,
    platform,
    imageId: image.id,
    isAvailable: true,
    contentBytes: (row === undefined ? 0 : keptBytes(deps, row)) + image.config.length,
    unpackedBytes: deps.records.of(image).sizeBytes,
  };
}

function describeCompanion(
  deps: Deps,
  descriptor: Descriptor,
  entry: Exclude<EntryKind, { kind: 'image' }>,
): ImageManifest {
  const row = deps.rows.findCompanion(descriptor.digest);
  const here = {
    descriptor,
    isAvailable: row !== undefined,
    contentBytes: row === undefined ? 0 : keptBytes(deps, row),
  };
  return entry.kind === 'artifact' ? { ...here, kind: 'artifact' } : { ...here, kind: 'attestation', of: entry.of };
}

function keptBytes({ content }: Deps, row: ManifestRow): number {
  return blobsOf(row).reduce((sum, { digest }) => sum + (content.find(digest)?.sizeBytes ?? 0), row.bytes.length);
}
