import { createHash } from 'node:crypto';
import {
  type DiffId,
  type Digest,
  familiarName,
  formatManifest,
  mediaTypes,
  parseDigest,
  parseReference,
  plainDescriptor,
  type Reference,
  repositoryOf,
  splitDigest,
} from '@gantry/oci';
import type { ManifestRow } from './rows.ts';

/** An image that is written into an archive, with the names it gets there. */
export type SavedImage = {
  readonly kind: 'image';
  readonly id: Digest;
  readonly configBytes: Uint8Array;
  /** Lowest first; sizes are of plain tars. */
  readonly layers: readonly { readonly diffId: DiffId; readonly sizeBytes: number }[];
  /** In the rows' form, tags only. */
  readonly tags: readonly string[];
};

/** Several platforms under one name: index, manifests and blobs as they came, so that they keep their digests. */
export type SavedIndex = {
  readonly kind: 'index';
  readonly index: ManifestRow;
  /** The image for this machine first: readers that know one platform only get that one. */
  readonly members: readonly SavedMember[];
  readonly companions: readonly SavedCompanion[];
  /** In the rows' form, tags only. */
  readonly tags: readonly string[];
};

type Kept = { readonly digest: Digest; readonly sizeBytes: number };
export type SavedMember = {
  readonly id: Digest;
  readonly configBytes: Uint8Array;
  readonly manifest: ManifestRow;
  /** Lowest first. */
  readonly layers: readonly Kept[];
};
export type SavedCompanion = { readonly manifest: ManifestRow; readonly blobs: readonly Kept[] };

/** A large member: a layer unpacked of its compression, or a blob as it is kept. */
export type SavedFile =
  | { readonly kind: 'layer'; readonly diffId: DiffId; readonly sizeBytes: number }
  | ({ readonly kind: 'blob' } & Kept);

/** What stands in an archive beside the layers: small files by path, in the order in which Docker writes them. */
export type SavePlan = {
  /** Documents below `blobs/sha256/`, by hexadecimal digest. */
  readonly blobs: ReadonlyMap<string, Uint8Array>;
  /** Layers and blobs below `blobs/sha256/`, likewise. */
  readonly files: ReadonlyMap<string, SavedFile>;
  /** What stands in the archive's root. */
  readonly root: ReadonlyMap<string, Uint8Array>;
};

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const digestOf = (bytes: Uint8Array): Digest =>
  parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
const blobPath = (digest: Digest): string => `blobs/sha256/${splitDigest(digest).hex}`;

/**
 * Works out everything of an archive but the layers' bytes. It can be read in two ways: as an OCI image layout, and by
 * the manifest.json of `docker save`. Equal images make equal archives.
 *
 * Spec: OCI image-spec 1.1, image-layout.md; Docker image-spec v1.2 for manifest.json and repositories.
 */
export function planSave(saved: readonly (SavedImage | SavedIndex)[]): SavePlan {
  const blobs = new Map<string, Uint8Array>();
  const files = new Map<string, SavedFile>();
  const add = (bytes: Uint8Array): Digest => {
    const digest = digestOf(bytes);
    blobs.set(splitDigest(digest).hex, bytes);
    return digest;
  };
  const addKept = (kept: Kept): void => void files.set(splitDigest(kept.digest).hex, { kind: 'blob', ...kept });
  const addImage = (image: SavedImage): object[] => {
    add(image.configBytes);
    for (const layer of image.layers) files.set(splitDigest(layer.diffId).hex, { kind: 'layer', ...layer });
    const bytes = manifestBytes(image);
    return indexEntries(image, { mediaType: mediaTypes.ociManifest, digest: add(bytes), size: bytes.length });
  };
  const addIndex = (one: SavedIndex): object[] => {
    for (const { configBytes, manifest, layers } of one.members) {
      for (const bytes of [configBytes, manifest.bytes]) add(bytes);
      layers.forEach(addKept);
    }
    for (const companion of one.companions) {
      add(companion.manifest.bytes);
      companion.blobs.forEach(addKept);
    }
    const { media_type, bytes } = one.index;
    return indexEntries(one, { mediaType: media_type, digest: add(bytes), size: bytes.length });
  };
  const manifests = saved.flatMap((one) => (one.kind === 'image' ? addImage(one) : addIndex(one)));
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
  const root = new Map([
    ['index.json', encode(index)],
    ['manifest.json', encode(saved.map((one) => (one.kind === 'image' ? savedManifest(one) : listedMember(one))))],
    ['oci-layout', new TextEncoder().encode('{"imageLayoutVersion": "1.0.0"}')],
    ...repositoriesFile(saved.filter((one) => one.kind === 'image')),
  ]);
  return { blobs, files, root };
}

function layerDescriptor({ diffId, sizeBytes }: SavedImage['layers'][number]) {
  return plainDescriptor({ mediaType: mediaTypes.ociLayer, digest: parseDigest(diffId), sizeBytes });
}

function manifestBytes({ id, configBytes, layers }: SavedImage): Uint8Array {
  return formatManifest({
    mediaType: mediaTypes.ociManifest,
    config: plainDescriptor({ mediaType: mediaTypes.ociConfig, digest: id, sizeBytes: configBytes.length }),
    layers: layers.map(layerDescriptor),
  });
}

/** One entry a name, so that readers of layouts find each; one without annotations for an image without a name. */
function indexEntries(
  { tags }: SavedImage | SavedIndex,
  entry: { mediaType: string; digest: Digest; size: number },
): object[] {
  if (tags.length === 0) return [entry];
  return tags.map((tag) => {
    const reference = parseReference(tag);
    const annotations = {
      'io.containerd.image.name': `${repositoryOf(reference)}:${reference.tag ?? ''}`,
      'org.opencontainers.image.ref.name': reference.tag ?? '',
    };
    return { ...entry, annotations };
  });
}

function savedManifest({ id, layers, tags }: SavedImage): object {
  const sources = layers.map(({ diffId, sizeBytes }) => [
    diffId,
    { mediaType: mediaTypes.ociLayer, size: sizeBytes, digest: diffId },
  ]);
  return {
    Config: blobPath(id),
    RepoTags: tags.length === 0 ? null : tags,
    Layers: layers.map(({ diffId }) => blobPath(parseDigest(diffId))),
    LayerSources: Object.fromEntries(sources),
  };
}

/** The one platform that a reader of manifest.json gets, in the blobs that it shares with the index. */
function listedMember({ members: [first], tags }: SavedIndex): object {
  if (first === undefined) throw new Error('unreachable: an index is saved for its members');
  return {
    Config: blobPath(first.id),
    RepoTags: tags.length === 0 ? null : tags,
    Layers: first.layers.map(({ digest }) => blobPath(digest)),
  };
}

/** What readers from before manifest.json look for: the top layer of each name. */
function repositoriesFile(images: readonly SavedImage[]): [string, Uint8Array][] {
  const repositories = new Map<string, Map<string, string>>();
  for (const { layers, tags } of images) {
    const top = layers.at(-1);
    if (top === undefined) continue;
    for (const reference of tags.map(parseReference)) {
      const name = familiarName(reference);
      const byTag = repositories.get(name) ?? new Map<string, string>();
      repositories.set(name, byTag.set(reference.tag ?? '', splitDigest(top.diffId).hex));
    }
  }
  if (repositories.size === 0) return [];
  const names = [...repositories.keys()].sort();
  const document = Object.fromEntries(names.map((name) => [name, Object.fromEntries(repositories.get(name) ?? [])]));
  return [['repositories', encode(document)]];
}

/** Tells whether a reference as a user wrote it means a repository with all its tags. */
export function isNameOnly({ tag, digest }: Reference): boolean {
  return tag === undefined && digest === undefined;
}
