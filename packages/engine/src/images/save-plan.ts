import { createHash } from 'node:crypto';
import {
  type DiffId,
  type Digest,
  familiarName,
  formatManifest,
  mediaTypes,
  parseDigest,
  parseReference,
  type Reference,
  repositoryOf,
  splitDigest,
} from '@gantry/oci';

/** An image that is written into an archive, with the names it gets there. */
export type SavedImage = {
  readonly id: Digest;
  readonly configBytes: Uint8Array;
  /** Lowest first; sizes are of plain tars. */
  readonly layers: readonly { readonly diffId: DiffId; readonly sizeBytes: number }[];
  /** In the rows' form, tags only. */
  readonly tags: readonly string[];
};

/** What stands in an archive beside the layers: small files by path, in the order in which Docker writes them. */
export type SavePlan = {
  /** Documents below `blobs/sha256/`, by hexadecimal digest. */
  readonly blobs: ReadonlyMap<string, Uint8Array>;
  /** Layers below `blobs/sha256/`, likewise. */
  readonly layers: ReadonlyMap<string, { readonly diffId: DiffId; readonly sizeBytes: number }>;
  /** What stands in the archive's root. */
  readonly files: ReadonlyMap<string, Uint8Array>;
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
export function planSave(images: readonly SavedImage[]): SavePlan {
  const blobs = new Map<string, Uint8Array>();
  const layers = new Map<string, { diffId: DiffId; sizeBytes: number }>();
  const add = (bytes: Uint8Array): Digest => {
    const digest = digestOf(bytes);
    blobs.set(splitDigest(digest).hex, bytes);
    return digest;
  };
  const manifests = images.flatMap((image) => {
    add(image.configBytes);
    for (const layer of image.layers) layers.set(splitDigest(layer.diffId).hex, layer);
    const bytes = manifestBytes(image);
    return indexEntries(image, { digest: add(bytes), size: bytes.length });
  });
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
  const files = new Map([
    ['index.json', encode(index)],
    ['manifest.json', encode(images.map(savedManifest))],
    ['oci-layout', new TextEncoder().encode('{"imageLayoutVersion": "1.0.0"}')],
    ...repositoriesFile(images),
  ]);
  return { blobs, layers, files };
}

function layerDescriptor({ diffId, sizeBytes }: SavedImage['layers'][number]) {
  return {
    mediaType: mediaTypes.ociLayer,
    digest: parseDigest(diffId),
    sizeBytes,
    urls: [],
    annotations: {},
    platform: undefined,
  };
}

function manifestBytes({ id, configBytes, layers }: SavedImage): Uint8Array {
  const none = { urls: [], annotations: {}, platform: undefined };
  return formatManifest({
    mediaType: mediaTypes.ociManifest,
    config: { ...none, mediaType: mediaTypes.ociConfig, digest: id, sizeBytes: configBytes.length },
    layers: layers.map(layerDescriptor),
  });
}

/** One entry a name, so that readers of layouts find each; one without annotations for an image without a name. */
function indexEntries({ tags }: SavedImage, manifest: { digest: Digest; size: number }): object[] {
  const entry = { mediaType: mediaTypes.ociManifest, ...manifest };
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
