import {
  type Blob,
  describe,
  jsonBlob,
  type MadeImage,
  makeImage,
  makeLayer,
  makeTar,
  pushBlob,
  pushManifest,
} from './made-image.ts';

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';

/** A manifest that is no image, with the blobs that it names. */
export type MadeDocument = { readonly config: Blob; readonly layers: readonly Blob[]; readonly manifest: Blob };

/** An image for an architecture, told from others by the file `which`; `base` is a layer that several share. */
export function platformImage(architecture: string, text: string, base: Uint8Array): MadeImage {
  const own = makeTar([{ kind: 'file', path: 'which', text }]);
  return makeImage([makeLayer(base), makeLayer(own)], { architecture, config: { Cmd: ['cat', '/which'] } });
}

/** What BuildKit attests of an image. */
export function attestationOf({ manifest: subject }: MadeImage): MadeDocument {
  const statement = jsonBlob('application/vnd.in-toto+json', {
    _type: 'https://in-toto.io/Statement/v0.1',
    predicateType: 'https://slsa.dev/provenance/v0.2',
    subject: [{ name: '_', digest: { sha256: subject.digest.slice('sha256:'.length) } }],
  });
  const config = jsonBlob('application/vnd.oci.image.config.v1+json', {
    architecture: 'unknown',
    os: 'unknown',
    rootfs: { type: 'layers', diff_ids: [statement.digest] },
  });
  return documentOf({ config, layers: [statement] });
}

/** An artifact, about an image if there is a subject. */
export function artifactOf(artifactType: string, subject?: Blob): MadeDocument {
  const config = jsonBlob('application/vnd.oci.empty.v1+json', {});
  const layers = [jsonBlob('text/spdx+json', { about: subject?.digest ?? 'nothing' })];
  return documentOf({ config, layers }, { artifactType, ...(subject !== undefined && { subject: describe(subject) }) });
}

function documentOf({ config, layers }: Omit<MadeDocument, 'manifest'>, more: object = {}): MadeDocument {
  const parts = { config: describe(config), layers: layers.map(describe) };
  return {
    config,
    layers,
    manifest: jsonBlob(manifestType, { schemaVersion: 2, mediaType: manifestType, ...parts, ...more }),
  };
}

export type IndexEntry = { readonly document: MadeImage | MadeDocument } & Readonly<Record<string, unknown>>;

/** The entry of an image in an index. */
export function imageEntry(document: MadeImage, architecture: string): IndexEntry {
  return { document, platform: { os: 'linux', architecture } };
}

/** The entry of an attestation, as BuildKit writes it. */
export function attestationEntry(document: MadeDocument, image: MadeImage): IndexEntry {
  const annotations = {
    'vnd.docker.reference.digest': image.manifest.digest,
    'vnd.docker.reference.type': 'attestation-manifest',
  };
  return { document, platform: { os: 'unknown', architecture: 'unknown' }, annotations };
}

export function indexOf(entries: readonly IndexEntry[]): Blob {
  const manifests = entries.map(({ document, ...more }) => ({ ...describe(document.manifest), ...more }));
  return jsonBlob(indexType, { schemaVersion: 2, mediaType: indexType, manifests });
}

/**
 * Puts an index with all its manifests into a registry that asks for no credentials.
 *
 * @param repository `http://127.0.0.1:5000/v2/app`
 * @returns the index
 */
export async function pushIndex(repository: string, tag: string, entries: readonly IndexEntry[]): Promise<Blob> {
  for (const { document } of entries) {
    for (const blob of [document.config, ...document.layers]) await pushBlob(repository, blob);
    await pushManifest(repository, document.manifest.digest, document.manifest);
  }
  const index = indexOf(entries);
  await pushManifest(repository, tag, index);
  return index;
}
