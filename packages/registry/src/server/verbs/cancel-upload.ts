import type { UploadCall } from '../http/call.ts';

/** `DELETE <upload>`: ends the session and frees its bytes. Spec: end-14. @throws BLOB_UPLOAD_UNKNOWN */
export async function cancelUpload({ store, name, id, request }: UploadCall): Promise<Response> {
  await store.uploads.get(name, id);
  await using _held = await store.uploads.hold(id, request.signal);
  await store.uploads.remove(id);
  return new Response(null, { status: 204 });
}
