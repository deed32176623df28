import { EngineError } from '@gantry/base';
import {
  choosePlatform,
  type Descriptor,
  entryKind,
  formatReference,
  type Index,
  type Manifest,
  maximumManifestBytes,
  mediaTypes,
  type Platform,
  parseFields,
  parseManifest,
  parseReference,
  splitDigest,
  withDefaultTag,
} from '@gantry/oci';
import { companionsOf } from './pull-companions.ts';
import type { ManifestRow } from './rows.ts';

/** One image of an archive, by the names of its members. */
export type ArchivedImage = {
  readonly configPath: string;
  readonly layerPaths: readonly string[];
  readonly manifest: ManifestRow | undefined;
  /** What lies beside it in its index and goes along with it. */
  readonly companions: readonly ArchivedCompanion[];
};

export type ArchivedCompanion = { readonly manifest: ManifestRow; readonly blobs: readonly Descriptor[] };

/** What the names of an archive mean: one image, or several of one index. */
export type ArchivedName = {
  /** In the rows' form. */
  readonly references: readonly string[];
  readonly index: ManifestRow | undefined;
  readonly images: readonly ArchivedImage[];
};

/** The members of an archive as planning sees them. */
export type Archive = {
  /** Reads a small member whole. */
  read(path: string, maximumBytes: number): Uint8Array;
  has(path: string): boolean;
};

/** Parses `docker save`'s manifest.json. @throws invalid */
export function parseSavedManifest(bytes: Uint8Array): ArchivedName[] {
  const text = new TextDecoder().decode(bytes);
  const { objects } = parseFields(`{"images":${text}}`, 'manifest.json');
  return objects('images').map((image) => ({
    references: image.texts('RepoTags').map(parseTag),
    index: undefined,
    images: [
      {
        configPath: image.text('Config'),
        layerPaths: image.texts('Layers'),
        manifest: undefined,
        companions: [],
      },
    ],
  }));
}

function parseTag(text: string): string {
  const reference = parseReference(text);
  if (reference.tag === undefined || reference.digest !== undefined)
    throw new EngineError('invalid', `invalid tag "${text}"`);
  return formatReference(reference);
}

const nameAnnotation = 'io.containerd.image.name';
const refAnnotation = 'org.opencontainers.image.ref.name';

/** Tells whether an image layout has indexes of images, which docker save's list cannot tell of. @throws invalid */
export function hasIndexes(indexBytes: Uint8Array): boolean {
  return parseIndex(indexBytes).manifests.some(({ mediaType }) => isIndexType(mediaType));
}

function parseIndex(bytes: Uint8Array): Index {
  const index = parseManifest(bytes, '');
  if (index.kind !== 'index') throw new EngineError('invalid', 'cannot load archive: its index.json is no index');
  return index;
}

/** Which images of an archive to take. */
export type Wanted = {
  /** Undefined: all that are there, of an index; of a flat list those that this machine runs. */
  readonly platform: Platform | undefined;
  readonly host: Platform;
};

/** Parses an OCI image layout's index.json and what it leads to. @throws invalid */
export function parseLayout(indexBytes: Uint8Array, archive: Archive, wanted: Wanted): ArchivedName[] {
  const index = parseIndex(indexBytes);
  // A flat list of one image for several platforms, and of what was attested of each; or images that do not say.
  const fits = (descriptor: Descriptor): boolean =>
    descriptor.platform === undefined || choosePlatform([descriptor], wanted.platform ?? wanted.host) !== undefined;
  const fitting = index.manifests.filter(fits);
  return (fitting.length > 0 ? fitting : index.manifests).flatMap((descriptor) => {
    const name = resolveName(descriptor, { archive, wanted, depth: 0 });
    return name.images.length === 0 ? [] : [{ ...name, references: referencesOf(descriptor) }];
  });
}

/** A reference name that is only a tag names no image, and is left out. */
function referencesOf({ annotations }: Descriptor): string[] {
  const name = annotations[nameAnnotation] ?? annotations[refAnnotation] ?? '';
  if (name === '' || (annotations[nameAnnotation] === undefined && !/[/:]/.test(name))) return [];
  const reference = withDefaultTag(parseReference(name));
  return [formatReference({ ...reference, digest: undefined, tag: reference.tag ?? 'latest' })];
}

type Resolving = { readonly archive: Archive; readonly wanted: Wanted; readonly depth: number };
type Meaning = Pick<ArchivedName, 'index' | 'images'>;

function resolveName(descriptor: Descriptor, { archive, wanted, depth }: Resolving): Meaning {
  if (depth > 3) throw new EngineError('invalid', 'cannot load archive: its indexes lead in circles');
  const { row, parsed } = readManifest(descriptor, archive);
  if (parsed.kind === 'manifest') return { index: undefined, images: [imageOf(row, parsed, [])] };
  const [only, ...more] = parsed.manifests;
  // An index of nothing but another index means that one.
  if (only !== undefined && more.length === 0 && isIndexType(only.mediaType))
    return resolveName(only, { archive, wanted, depth: depth + 1 });
  return { index: row, images: imagesOf(parsed, archive, wanted) };
}

function readManifest(descriptor: Descriptor, archive: Archive): { row: ManifestRow; parsed: Manifest | Index } {
  const bytes = archive.read(blobPath(descriptor), maximumManifestBytes);
  const { sizeBytes, digest } = descriptor;
  if (bytes.length !== sizeBytes)
    throw new EngineError('invalid', `cannot load archive: "${digest}" has ${bytes.length} bytes, not ${sizeBytes}`);
  const parsed = parseManifest(bytes, descriptor.mediaType);
  return { row: { digest, media_type: parsed.mediaType, bytes }, parsed };
}

/** The images of an index that are in the archive: an archive may have only some of those that the index names. */
function imagesOf(index: Index, archive: Archive, { platform }: Wanted): readonly ArchivedImage[] {
  const isThere = (descriptor: Descriptor): boolean => archive.has(blobPath(descriptor));
  const companions = companionsOf(index);
  const images = index.manifests.filter((entry) => entryKind(entry).kind === 'image' && isThere(entry));
  const wanted =
    platform === undefined ? images : [choosePlatform(images, platform)].filter((one) => one !== undefined);
  return wanted.flatMap((entry) => {
    const { row, parsed } = readManifest(entry, archive);
    if (parsed.kind === 'index')
      throw new EngineError('unsupported', `cannot load archive: its index "${row.digest}" is in another index`);
    // With layers that somebody else serves it is no whole image.
    if (![parsed.config, ...parsed.layers].every(isThere)) return [];
    const beside = companions(entry.digest).filter(isThere);
    return [
      imageOf(
        row,
        parsed,
        beside.flatMap((other) => companionOf(other, archive)),
      ),
    ];
  });
}

function imageOf(manifest: ManifestRow, parsed: Manifest, companions: readonly ArchivedCompanion[]): ArchivedImage {
  return { configPath: blobPath(parsed.config), layerPaths: parsed.layers.map(blobPath), manifest, companions };
}

function companionOf(descriptor: Descriptor, archive: Archive): readonly ArchivedCompanion[] {
  const { row, parsed } = readManifest(descriptor, archive);
  if (parsed.kind === 'index') return [];
  const blobs = [parsed.config, ...parsed.layers];
  return blobs.every((blob) => archive.has(blobPath(blob))) ? [{ manifest: row, blobs }] : [];
}

function isIndexType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerManifestList;
}

/** Where a layout has a blob. */
export function blobPath({ digest }: Pick<Descriptor, 'digest'>): string {
  const { algorithm, hex } = splitDigest(digest);
  return `blobs/${algorithm}/${hex}`;
}
