import type { Json, JsonObject } from '@gantry/api';
import { type Digest, type Fields, mediaTypes, parseDigest, parseFields } from '@gantry/oci';

/** What an entry of a list says of where its image runs. */
export type EntryPlatform = {
  readonly architecture: string;
  readonly os: string;
  readonly osVersion: string;
  readonly osFeatures: readonly string[];
  readonly variant: string;
};

/** One image of a manifest list, as it is kept between `manifest create` and `manifest push`. */
export type ManifestEntry = {
  /** The complete name, `docker.io/library/busybox:latest`. */
  readonly ref: string;
  readonly mediaType: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly platform: EntryPlatform;
  /** The manifest itself. */
  readonly bytes: Uint8Array;
};

/** Reads a platform where its members are: in an image's config, or in a descriptor. @throws invalid */
export function parseEntryPlatform(fields: Fields): EntryPlatform {
  return {
    architecture: fields.text('architecture'),
    os: fields.text('os'),
    osVersion: fields.text('os.version'),
    osFeatures: fields.texts('os.features'),
    variant: fields.text('variant'),
  };
}

/** Members in the order that Docker writes them, since a list's digest depends on it. */
function formatEntryPlatform({ architecture, os, osVersion, osFeatures, variant }: EntryPlatform): JsonObject {
  return {
    architecture,
    os,
    ...(osVersion !== '' && { 'os.version': osVersion }),
    ...(osFeatures.length > 0 && { 'os.features': osFeatures }),
    ...(variant !== '' && { variant }),
  };
}

/** Reads an entry as Docker's command line keeps it in a file. @throws invalid */
export function parseEntry(text: string, what: string): ManifestEntry {
  const fields = parseFields(text, what);
  const descriptor = fields.object('Descriptor') ?? parseFields('{}', what);
  return {
    ref: fields.text('Ref'),
    mediaType: descriptor.text('mediaType'),
    digest: parseDigest(descriptor.text('digest')),
    sizeBytes: descriptor.integer('size'),
    platform: parseEntryPlatform(descriptor.object('platform') ?? parseFields('{}', what)),
    bytes: Buffer.from(fields.text('Raw'), 'base64'),
  };
}

/** The document that Docker's command line keeps and that `manifest inspect --verbose` shows. */
export function formatEntry({ ref, mediaType, digest, sizeBytes, platform, bytes }: ManifestEntry): JsonObject {
  const document = parseDocument(bytes);
  return {
    Ref: ref,
    Descriptor: { mediaType, digest, size: sizeBytes, platform: formatEntryPlatform(platform) },
    Raw: Buffer.from(bytes).toString('base64'),
    ...(mediaType === mediaTypes.ociManifest ? { OCIManifest: document } : { SchemaV2Manifest: document }),
  };
}

function parseDocument(bytes: Uint8Array): Json {
  return JSON.parse(new TextDecoder().decode(bytes)) as Json;
}

/** A manifest as it is shown: its own members in their own order, indented. */
export function formatDocument(bytes: Uint8Array): string {
  return JSON.stringify(parseDocument(bytes), undefined, '\t');
}

/** Prints the list of some entries; the first one says whether it is Docker's or OCI's. Equal entries print equal bytes. */
export function formatList(entries: readonly ManifestEntry[]): {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
} {
  const isOci = entries[0]?.mediaType === mediaTypes.ociManifest;
  const mediaType = isOci ? mediaTypes.ociIndex : mediaTypes.dockerManifestList;
  const manifests = entries.map((entry) => ({
    mediaType: entry.mediaType,
    size: entry.sizeBytes,
    digest: entry.digest,
    platform: formatEntryPlatform(entry.platform),
  }));
  const text = JSON.stringify({ schemaVersion: 2, mediaType, manifests }, undefined, 3);
  return { bytes: new TextEncoder().encode(text), mediaType };
}
