import { createHash } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { endOfArchive, formatFile, formatHeader, plainEntry, type TarEntry } from '@gantry/layer';

/** A blob with what a manifest says about it. */
export type Blob = { readonly mediaType: string; readonly digest: string; readonly bytes: Uint8Array };
export type MadeLayer = Blob & { readonly diffId: string };
export type MadeImage = {
  readonly config: Blob;
  readonly layers: readonly MadeLayer[];
  readonly manifest: Blob;
};

export type Member = Partial<TarEntry> & Pick<TarEntry, 'kind' | 'path'> & { readonly text?: string };

export function sha256(bytes: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** A tar of these members, in this order, whatever they say. */
export function makeTar(members: readonly Member[]): Uint8Array {
  const parts = members.map(({ text, ...member }) => {
    const entry = plainEntry(member);
    return text === undefined ? formatHeader(entry) : formatFile(entry, Buffer.from(text));
  });
  return Buffer.concat([...parts, endOfArchive]);
}

const suffixes = { plain: '', gzip: '+gzip', zstd: '+zstd' } as const;

export function makeLayer(tar: Uint8Array, compression: keyof typeof suffixes = 'gzip'): MadeLayer {
  const bytes = compression === 'gzip' ? gzipSync(tar) : compression === 'zstd' ? zstdCompressSync(tar) : tar;
  const mediaType = `application/vnd.oci.image.layer.v1.tar${suffixes[compression]}`;
  return { mediaType, digest: sha256(bytes), bytes, diffId: sha256(tar) };
}

export function jsonBlob(mediaType: string, value: unknown): Blob {
  const bytes = Buffer.from(JSON.stringify(value));
  return { mediaType, digest: sha256(bytes), bytes };
}

export function describe({ mediaType, digest, bytes }: Blob): { mediaType: string; digest: string; size: number } {
  return { mediaType, digest, size: bytes.length };
}

export type ImageOptions = {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly architecture?: string;
  readonly variant?: string;
  readonly diffIds?: readonly string[];
};

const hostArchitecture = process.arch === 'x64' ? 'amd64' : process.arch;

export function makeImage(layers: readonly MadeLayer[], options: ImageOptions = {}): MadeImage {
  const config = jsonBlob('application/vnd.oci.image.config.v1+json', {
    architecture: options.architecture ?? hostArchitecture,
    ...(options.variant !== undefined && { variant: options.variant }),
    os: 'linux',
    config: options.config ?? {},
    rootfs: { type: 'layers', diff_ids: options.diffIds ?? layers.map(({ diffId }) => diffId) },
  });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = { schemaVersion: 2, mediaType, config: describe(config), layers: layers.map(describe) };
  return { config, layers, manifest: jsonBlob(mediaType, manifest) };
}

/** Puts an image into a registry that asks for no credentials. */
export async function pushImage(repository: string, tag: string, image: MadeImage): Promise<void> {
  for (const blob of [image.config, ...image.layers]) await pushBlob(repository, blob);
  await pushManifest(repository, tag, image.manifest);
}

/** @param repository `http://127.0.0.1:5000/v2/app` */
export async function pushBlob(repository: string, blob: Blob): Promise<void> {
  const opened = await fetch(`${repository}/blobs/uploads/`, { method: 'POST' });
  const location = new URL(opened.headers.get('location') ?? '', repository);
  location.searchParams.set('digest', blob.digest);
  const headers = { 'content-type': 'application/octet-stream' };
  const done = await fetch(location, { method: 'PUT', body: blob.bytes, headers });
  if (done.status !== 201) throw new Error(`cannot push blob: ${done.status} ${await done.text()}`);
}

export async function pushManifest(repository: string, tag: string, manifest: Blob): Promise<void> {
  const headers = { 'content-type': manifest.mediaType };
  const done = await fetch(`${repository}/manifests/${tag}`, { method: 'PUT', body: manifest.bytes, headers });
  if (done.status !== 201) throw new Error(`cannot push manifest: ${done.status} ${await done.text()}`);
}

/** An index over images of several platforms. */
export function makeIndex(entries: readonly { image: MadeImage; platform: Readonly<Record<string, string>> }[]): Blob {
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const manifests = entries.map(({ image, platform }) => ({ ...describe(image.manifest), platform }));
  return jsonBlob(mediaType, { schemaVersion: 2, mediaType, manifests });
}
