import { formatUploadRange } from '../byte-range.ts';
import type { UploadCall } from '../http/call.ts';
import type { RepositoryName, UploadId } from '../names.ts';

/** `GET <upload>`: how much has arrived. Spec: end-13. @throws BLOB_UPLOAD_UNKNOWN */
export async function getUpload({ store, name, id }: UploadCall): Promise<Response> {
  const upload = await store.uploads.get(name, id);
  return new Response(null, { status: 204, headers: uploadHeaders(name, upload) });
}

/** What every answer about an upload says: where it goes on, and how much is there. */
export function uploadHeaders(
  name: RepositoryName,
  upload: { readonly id: UploadId; readonly sizeBytes: number },
): Readonly<Record<string, string>> {
  return {
    location: `/v2/${name}/blobs/uploads/${upload.id}`,
    range: formatUploadRange(upload.sizeBytes),
    'docker-upload-uuid': upload.id,
  };
}
