import type { Digest } from '@gantry/oci';
import type { UploadCall } from '../http/call.ts';
import { parseWireDigest, type RepositoryName, type UploadId } from '../names.ts';
import { RegistryError } from '../registry-error.ts';
import { commitContent, linkBlob } from '../store/blobs.ts';
import type { Store } from '../store/store.ts';
import { appendBody } from './append-upload.ts';

/**
 * `PUT <upload>?digest=`: the last chunk, if any, and the digest of the whole. A digest that does not match leaves the
 * upload as it was before the request.
 *
 * Spec: end-6. @throws BLOB_UPLOAD_UNKNOWN, DIGEST_INVALID, BLOB_UPLOAD_INVALID (416), SIZE_INVALID
 */
export async function finishUpload(call: UploadCall): Promise<Response> {
  const { store, name, id, request, url } = call;
  const text = url.searchParams.get('digest');
  if (text === null) throw new RegistryError('DIGEST_INVALID', 'the digest parameter is missing');
  const digest = parseWireDigest(text);
  await store.uploads.get(name, id);
  await using held = await store.uploads.hold(id, request.signal);
  const before = await store.uploads.get(name, id);
  await appendBody(call, before, held.signal);
  try {
    await commitUpload(store, name, { id, digest });
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'DIGEST_INVALID') await store.uploads.truncate(before);
    throw error;
  }
  return blobCreated(name, digest);
}

/** Makes a blob of a complete upload and gives it to the repository; the session ends. @throws DIGEST_INVALID */
export async function commitUpload(
  store: Store,
  name: RepositoryName,
  { id, digest }: { id: UploadId; digest: Digest },
): Promise<void> {
  const upload = await store.uploads.get(name, id);
  await store.uploads.verify(upload, digest);
  using _pin = store.pins.hold([digest]);
  await commitContent(store, upload.dataPath, digest);
  await linkBlob(store, name, { digest, sizeBytes: upload.sizeBytes });
  await store.uploads.remove(id);
}

/** The answer when a repository has a new blob. */
export function blobCreated(name: RepositoryName, digest: Digest): Response {
  const headers = { location: `/v2/${name}/blobs/${digest}`, 'docker-content-digest': digest, 'content-length': '0' };
  return new Response(null, { status: 201, headers });
}
