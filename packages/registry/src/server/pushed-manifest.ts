import { messageOf } from '@gantry/base';
import { type Descriptor, type Digest, type Fields, mediaTypes, parseDescriptor, parseFields } from '@gantry/oci';
import { RegistryError } from './registry-error.ts';

/** Something that a manifest needs to be whole. */
export type ManifestPart = {
  /** `manifest`: a child of an index, which may be a blob too when the index lists other things. */
  readonly kind: 'blob' | 'manifest';
  readonly digest: Digest;
  readonly sizeBytes: number;
};

/** What the registry has to know of a manifest; everything else in it is the client's own. */
export type PushedManifest = {
  readonly mediaType: string;
  readonly parts: readonly ManifestPart[];
  readonly subject: Digest | undefined;
  /** The type that the referrers API shows; '' for none. */
  readonly artifactType: string;
  readonly annotations: Readonly<Record<string, string>>;
};

const imageTypes = new Set<string>([mediaTypes.ociManifest, mediaTypes.dockerManifest]);
const indexTypes = new Set<string>([mediaTypes.ociIndex, mediaTypes.dockerManifestList]);

/**
 * Reads a manifest or an index that a client sent, or that lies in the store.
 *
 * It is not `parseManifest`, which reads images to be run: an artifact may have more layers than overlayfs takes, and
 * what the registry stores has a subject.
 *
 * SAFETY: a document with the fields of both, or with another media type than the one it came with, is refused: the same
 * digest must not mean two things to two readers (CVE-2021-41190).
 *
 * Spec: OCI image-spec 1.1, manifest.md and image-index.md; distribution's manifest-v2-2.md.
 * @param contentType as it was sent, parameters included; '' when nothing was
 * @throws MANIFEST_INVALID
 */
export function parsePushedManifest(bytes: Uint8Array, contentType: string): PushedManifest {
  try {
    const fields = parseFields(new TextDecoder('utf-8', { fatal: true }).decode(bytes), 'manifest');
    const mediaType = settleMediaType(fields, contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '');
    if (fields.integer('schemaVersion') !== 2) throw invalid('its schemaVersion is not 2');
    const subject = fields.object('subject');
    return {
      mediaType,
      ...(indexTypes.has(mediaType) ? readIndex(fields) : readImage(fields)),
      subject: subject === undefined ? undefined : parseDescriptor(subject).digest,
      annotations: fields.textMap('annotations'),
    };
  } catch (error) {
    if (error instanceof RegistryError) throw error;
    throw new RegistryError('MANIFEST_INVALID', messageOf(error), { cause: error });
  }
}

function settleMediaType(fields: Fields, said: string): string {
  const own = fields.text('mediaType');
  const isKnown = (type: string): boolean => imageTypes.has(type) || indexTypes.has(type);
  if (own !== '' && isKnown(said) && own !== said) throw invalid(`it came as "${said}" but calls itself "${own}"`);
  const settled = isKnown(said) ? said : own;
  if (!isKnown(settled)) throw invalid(`its media type "${settled || said}" is not known`);
  return settled;
}

function readImage(fields: Fields): Pick<PushedManifest, 'parts' | 'artifactType'> {
  const config = fields.object('config');
  if (config === undefined || fields.has('manifests') || fields.has('fsLayers'))
    throw invalid('it is no image: an image has a config and layers, and nothing of an index');
  const configDescriptor = parseDescriptor(config);
  const layers = fields.objects('layers').map(parseDescriptor);
  const parts = [configDescriptor, ...layers.filter((layer) => !isElsewhere(layer))].map((each) => part('blob', each));
  return { parts, artifactType: fields.text('artifactType') || configDescriptor.mediaType };
}

function readIndex(fields: Fields): Pick<PushedManifest, 'parts' | 'artifactType'> {
  if (!fields.has('manifests') || fields.has('config') || fields.has('layers'))
    throw invalid('it is no index: an index has manifests, and nothing of an image');
  const parts = fields
    .objects('manifests')
    .map(parseDescriptor)
    .map((each) => part('manifest', each));
  return { parts, artifactType: fields.text('artifactType') };
}

/** Layers that their licence keeps at their own place: nobody has to push them. */
function isElsewhere(layer: Descriptor): boolean {
  return /\.nondistributable\.|\.foreign\./.test(layer.mediaType);
}

function part(kind: ManifestPart['kind'], { digest, sizeBytes }: Descriptor): ManifestPart {
  return { kind, digest, sizeBytes };
}

function invalid(why: string): RegistryError {
  return new RegistryError('MANIFEST_INVALID', `manifest invalid: ${why}`);
}
