import { EngineError } from '@gantry/base';
import {
  choosePlatform,
  type Descriptor,
  formatReference,
  maximumManifestBytes,
  type Platform,
  parseFields,
  parseManifest,
  parseReference,
  splitDigest,
  withDefaultTag,
} from '@gantry/oci';

/** One image of an archive, by the names of its members. */
export type ArchivedImage = {
  readonly configPath: string;
  readonly layerPaths: readonly string[];
  /** In the rows' form. */
  readonly references: readonly string[];
  readonly manifest: { readonly digest: string; readonly media_type: string; readonly bytes: Uint8Array } | undefined;
};

/** Reads a small member whole. */
export type ReadMember = (path: string, maximumBytes: number) => Uint8Array;

/** Parses `docker save`'s manifest.json. @throws invalid */
export function parseSavedManifest(bytes: Uint8Array): ArchivedImage[] {
  const text = new TextDecoder().decode(bytes);
  const { objects } = parseFields(`{"images":${text}}`, 'manifest.json');
  return objects('images').map((image) => ({
    configPath: image.text('Config'),
    layerPaths: image.texts('Layers'),
    references: image.texts('RepoTags').map(parseTag),
    manifest: undefined,
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

/** Parses an OCI image layout's index.json and what it leads to. @throws invalid, not-found for other platforms only */
export function parseLayout(indexBytes: Uint8Array, read: ReadMember, wanted: Platform): ArchivedImage[] {
  const index = parseManifest(indexBytes, '');
  if (index.kind !== 'index') throw new EngineError('invalid', 'cannot load archive: its index.json is no index');
  // A flat list of one image for several platforms, and of what was attested of each; or images that do not say.
  const fits = (descriptor: Descriptor): boolean =>
    descriptor.platform === undefined || choosePlatform([descriptor], wanted) !== undefined;
  const fitting = index.manifests.filter(fits);
  return (fitting.length > 0 ? fitting : index.manifests).flatMap((descriptor) => {
    const image = resolveDescriptor(descriptor, { read, wanted, depth: 0 });
    return image === undefined ? [] : [{ ...image, references: referencesOf(descriptor) }];
  });
}

/** A reference name that is only a tag names no image, and is left out. */
function referencesOf({ annotations }: Descriptor): string[] {
  const name = annotations[nameAnnotation] ?? annotations[refAnnotation] ?? '';
  if (name === '' || (annotations[nameAnnotation] === undefined && !/[/:]/.test(name))) return [];
  const reference = withDefaultTag(parseReference(name));
  return [formatReference({ ...reference, digest: undefined, tag: reference.tag ?? 'latest' })];
}

type Resolving = { readonly read: ReadMember; readonly wanted: Platform; readonly depth: number };

function resolveDescriptor(descriptor: Descriptor, { read, wanted, depth }: Resolving): ArchivedImage | undefined {
  if (depth > 3) throw new EngineError('invalid', 'cannot load archive: its indexes lead in circles');
  const bytes = read(blobPath(descriptor), maximumManifestBytes);
  if (bytes.length !== descriptor.sizeBytes) {
    const { sizeBytes, digest } = descriptor;
    throw new EngineError('invalid', `cannot load archive: "${digest}" has ${bytes.length} bytes, not ${sizeBytes}`);
  }
  const parsed = parseManifest(bytes, descriptor.mediaType);
  if (parsed.kind === 'index') {
    const chosen = choosePlatform(parsed.manifests, wanted);
    return chosen === undefined ? undefined : resolveDescriptor(chosen, { read, wanted, depth: depth + 1 });
  }
  return {
    configPath: blobPath(parsed.config),
    layerPaths: parsed.layers.map(blobPath),
    references: [],
    manifest: { digest: descriptor.digest, media_type: parsed.mediaType, bytes },
  };
}

function blobPath({ digest }: Descriptor): string {
  const { algorithm, hex } = splitDigest(digest);
  return `blobs/${algorithm}/${hex}`;
}
