import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';

/** One layer as it lies on disk: a gzip file, with the digest of the tar inside. */
export type LayerFile = { readonly path: string; readonly diffId: string };

export type UploadRequest = {
  /** `127.0.0.1:5000` */
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
  readonly layers: readonly LayerFile[];
  /** The runtime part of the image's configuration: Cmd, Env, … as the image specification writes them. */
  readonly config: Readonly<Record<string, unknown>>;
};

type Descriptor = { readonly mediaType: string; readonly digest: string; readonly size: number };

/**
 * Puts an image into a registry that asks for no credentials: its blobs, then its manifest.
 *
 * Scripts use it to make a registry worth pulling from. It is no client for the wide world: no authentication, no chunks.
 *
 * Spec: OCI distribution-spec 1.1, "Pushing blobs", "Pushing Manifests".
 */
export async function uploadImage(request: UploadRequest): Promise<void> {
  const base = `http://${request.registry}/v2/${request.repository}`;
  const layers: Descriptor[] = [];
  for (const layer of request.layers) {
    const descriptor = {
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      digest: await digestFile(layer.path),
      size: statSync(layer.path).size,
    };
    await uploadBlob(base, descriptor, Bun.file(layer.path));
    layers.push(descriptor);
  }
  const config = jsonBytes({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    created: new Date(0).toISOString(),
    config: request.config,
    rootfs: { type: 'layers', diff_ids: request.layers.map((layer) => layer.diffId) },
    history: request.layers.map(() => ({ created: new Date(0).toISOString(), created_by: 'tools/upload-image.ts' })),
  });
  const configDescriptor = {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: digestBytes(config),
    size: config.length,
  };
  await uploadBlob(base, configDescriptor, new Blob([config]));
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = jsonBytes({ schemaVersion: 2, mediaType, config: configDescriptor, layers });
  await expectStatus(
    await fetch(`${base}/manifests/${request.tag}`, {
      method: 'PUT',
      body: manifest,
      headers: { 'content-type': mediaType },
    }),
    201,
  );
}

/** `sha256:…` of a file's bytes. */
export async function digestFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

async function uploadBlob(base: string, descriptor: Descriptor, body: Blob): Promise<void> {
  if ((await fetch(`${base}/blobs/${descriptor.digest}`, { method: 'HEAD' })).ok) return;
  const opened = await expectStatus(await fetch(`${base}/blobs/uploads/`, { method: 'POST' }), 202);
  const location = new URL(opened.headers.get('location') ?? '', `${base}/`);
  location.searchParams.set('digest', descriptor.digest);
  const headers = { 'content-type': 'application/octet-stream' };
  await expectStatus(await fetch(location, { method: 'PUT', body, headers }), 201);
}

async function expectStatus(response: Response, status: number): Promise<Response> {
  if (response.status !== status)
    throw new Error(`cannot upload to "${response.url}": ${response.status} ${await response.text()}`);
  return response;
}

function jsonBytes(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}

function digestBytes(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
