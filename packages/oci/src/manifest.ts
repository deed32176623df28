import { EngineError } from '@gantry/base';
import { type Digest, parseDigest } from './digest.ts';
import { type Fields, parseFields } from './fields.ts';
import { mediaTypes } from './media-types.ts';
import type { Platform } from './platform.ts';

export type Descriptor = {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly urls: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly platform: Platform | undefined;
  /** What an artifact's manifest is of; '' for an image's, and for all that is no manifest. */
  readonly artifactType: string;
};

export type Manifest = {
  readonly kind: 'manifest';
  readonly mediaType: string;
  readonly artifactType: string;
  readonly config: Descriptor;
  /** Lowest first. */
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
};

export type Index = {
  readonly kind: 'index';
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
};

/** Spec: OCI distribution-spec 1.1 asks registries to take 4 MiB; nobody has to take more. */
export const maximumManifestBytes = 4 * 2 ** 20;
/** overlayfs takes 500 lower directories; Docker stops at 127 layers. */
export const maximumLayers = 127;
/** A gibibyte times a thousand: no layer is larger, and sums stay exact. */
const maximumBlobBytes = 2 ** 50;

const manifestTypes = new Set<string>([mediaTypes.ociManifest, mediaTypes.dockerManifest]);
const indexTypes = new Set<string>([mediaTypes.ociIndex, mediaTypes.dockerManifestList]);

/**
 * Parses a manifest, an index, or Docker's schema 2 forms of the two.
 *
 * SAFETY: a document with the fields of both is refused, and so is one whose own media type differs from the one it
 * came with: the same digest must not mean two images to two readers (CVE-2021-41190).
 *
 * @param contentType what the sender said it is; '' when nobody did
 * @throws invalid, unsupported (schema 1)
 */
export function parseManifest(bytes: Uint8Array, contentType: string): Manifest | Index {
  if (bytes.length > maximumManifestBytes) {
    throw new EngineError('invalid', `cannot read manifest: more than ${maximumManifestBytes} bytes`);
  }
  const fields = parseFields(new TextDecoder().decode(bytes), 'manifest');
  if (fields.integer('schemaVersion') === 1) throw schemaOne();
  const said = contentType.split(';', 1)[0]?.trim() ?? '';
  const own = fields.text('mediaType');
  const isKnown = manifestTypes.has(said) || indexTypes.has(said);
  if (own !== '' && isKnown && own !== said) {
    throw new EngineError('invalid', `cannot read manifest: it came as "${said}" but calls itself "${own}"`);
  }
  return parseEither(fields, own === '' ? said : own);
}

function parseEither(fields: Fields, mediaType: string): Manifest | Index {
  const looksManifest = fields.has('config') || fields.has('layers');
  const looksIndex = fields.has('manifests');
  if (looksManifest && looksIndex)
    throw new EngineError('invalid', 'cannot read manifest: it is both an image and an index');
  if (fields.has('fsLayers')) throw schemaOne();
  const annotations = fields.textMap('annotations');
  if (looksIndex && !manifestTypes.has(mediaType)) {
    const manifests = fields.objects('manifests').map(parseDescriptor);
    return {
      kind: 'index',
      mediaType: indexTypes.has(mediaType) ? mediaType : mediaTypes.ociIndex,
      manifests,
      annotations,
    };
  }
  const config = fields.object('config');
  if (config === undefined || indexTypes.has(mediaType)) {
    throw new EngineError('invalid', `cannot read manifest: neither an image nor an index (media type "${mediaType}")`);
  }
  const layers = fields.objects('layers').map(parseDescriptor);
  if (layers.length > maximumLayers) throw new EngineError('invalid', 'max depth exceeded');
  return {
    kind: 'manifest',
    mediaType: manifestTypes.has(mediaType) ? mediaType : mediaTypes.ociManifest,
    artifactType: fields.text('artifactType'),
    config: parseDescriptor(config),
    layers,
    annotations,
  };
}

/** Parses one descriptor. @throws invalid */
export function parseDescriptor(fields: Fields): Descriptor {
  const sizeBytes = fields.integer('size');
  if (sizeBytes < 0 || sizeBytes > maximumBlobBytes)
    throw new EngineError('invalid', `cannot read descriptor: size ${sizeBytes}`);
  const platform = fields.object('platform');
  return {
    mediaType: fields.text('mediaType'),
    digest: parseDigest(fields.text('digest')),
    sizeBytes,
    urls: fields.texts('urls'),
    annotations: fields.textMap('annotations'),
    artifactType: fields.text('artifactType'),
    platform:
      platform === undefined
        ? undefined
        : { os: platform.text('os'), architecture: platform.text('architecture'), variant: platform.text('variant') },
  };
}

/** A descriptor that says no more than it must. */
export function plainDescriptor(blob: Pick<Descriptor, 'mediaType' | 'digest' | 'sizeBytes'>): Descriptor {
  return { ...blob, urls: [], annotations: {}, platform: undefined, artifactType: '' };
}

function schemaOne(): EngineError {
  return new EngineError('unsupported', 'Docker Image manifest version 2, schema 1 is not supported', {
    hint: 'push the image again with a current client: docker push writes schema 2',
  });
}

/** The wire form of a descriptor, fields in the order that Docker and the specification print them. */
export function descriptorToJson(descriptor: Descriptor): Readonly<Record<string, unknown>> {
  const { mediaType, digest, sizeBytes, urls, annotations, platform, artifactType } = descriptor;
  return {
    mediaType,
    digest,
    size: sizeBytes,
    ...(urls.length > 0 && { urls }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
    ...(platform !== undefined && {
      platform: {
        architecture: platform.architecture,
        os: platform.os,
        ...(platform.variant !== '' && { variant: platform.variant }),
      },
    }),
    ...(artifactType !== '' && { artifactType }),
  };
}

const attested = 'vnd.docker.reference.digest';

/** What an entry of an index is. */
export type EntryKind =
  | { readonly kind: 'image' }
  /** Statements about the manifest with this digest. */
  | { readonly kind: 'attestation'; readonly of: Digest }
  | { readonly kind: 'artifact' };

/**
 * Tells an image from what lies beside it in an index.
 *
 * Spec: BuildKit's attestation storage (`unknown/unknown`, `vnd.docker.reference.*`); OCI image-spec 1.1 for artifacts.
 */
export function entryKind({ platform, annotations, artifactType }: Descriptor): EntryKind {
  const of = annotations[attested];
  if (of !== undefined && annotations['vnd.docker.reference.type'] === 'attestation-manifest')
    return { kind: 'attestation', of: parseDigest(of) };
  const isUnknown = platform?.os === 'unknown' && platform.architecture === 'unknown';
  return { kind: isUnknown || artifactType !== '' ? 'artifact' : 'image' };
}

/** Prints an image manifest; the bytes are what its digest is of, so equal values print equal bytes. */
export function formatManifest(manifest: Pick<Manifest, 'mediaType' | 'config' | 'layers'>): Uint8Array {
  const document = {
    schemaVersion: 2,
    mediaType: manifest.mediaType,
    config: descriptorToJson(manifest.config),
    layers: manifest.layers.map(descriptorToJson),
  };
  return new TextEncoder().encode(JSON.stringify(document, undefined, 3));
}
