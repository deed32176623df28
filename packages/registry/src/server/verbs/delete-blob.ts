import type { BlobCall } from '../http/call.ts';
import { findBlob } from '../store/blobs.ts';
import { removeFile } from '../store/files.ts';
import { unknownBlob } from './get-blob.ts';

/**
 * `DELETE /v2/<name>/blobs/<digest>`: takes the blob from this repository; its bytes go with a collection, when no other
 * repository has it.
 *
 * Spec: end-10. @throws BLOB_UNKNOWN
 */
export async function deleteBlob({ store, name, digest }: BlobCall): Promise<Response> {
  const blob = findBlob(store, name, digest);
  if (blob === undefined || !(await removeFile(store.layout.blobLink(name, digest)))) throw unknownBlob(digest);
  return new Response(null, { status: 202 });
}
