import { parseContentRange } from '../byte-range.ts';
import { readBody } from '../http/body.ts';
import type { UploadCall } from '../http/call.ts';
import { RegistryError } from '../registry-error.ts';
import type { Upload } from '../store/uploads.ts';
import { uploadHeaders } from './get-upload.ts';

/**
 * `PATCH <upload>`: one more chunk, or a stream of unknown length.
 *
 * Spec: end-5. @throws BLOB_UPLOAD_UNKNOWN, BLOB_UPLOAD_INVALID (416: not where the upload stands), SIZE_INVALID
 */
export async function appendUpload(call: UploadCall): Promise<Response> {
  const { store, name, id, request } = call;
  await store.uploads.get(name, id);
  await using held = await store.uploads.hold(id, request.signal);
  const upload = await store.uploads.get(name, id);
  const sizeBytes = await appendBody(call, upload, held.signal);
  const headers = { ...uploadHeaders(name, { id, sizeBytes }), 'content-length': '0' };
  return new Response(null, { status: 202, headers });
}

/** Appends the request's body where its `Content-Range` says. @returns the size of the upload now */
export async function appendBody(
  { store, name, request }: UploadCall,
  upload: Upload,
  signal: AbortSignal,
): Promise<number> {
  const range = parseContentRange(request.headers.get('content-range'));
  const limitBytes = range === undefined ? undefined : range.last - range.first + 1;
  if (range !== undefined && range.first !== upload.sizeBytes) {
    throw new RegistryError('BLOB_UPLOAD_INVALID', `the upload goes on at byte ${upload.sizeBytes}`, {
      status: 416,
      headers: uploadHeaders(name, upload),
    });
  }
  const length = request.headers.get('content-length');
  if (limitBytes !== undefined && length !== null && Number(length) !== limitBytes)
    throw new RegistryError('SIZE_INVALID', `a range of ${limitBytes} bytes came with ${length}`);
  const sizeBytes = await store.uploads.append(upload, readBody(request, signal), limitBytes);
  if (range !== undefined && sizeBytes !== range.last + 1) {
    await store.uploads.truncate(upload);
    throw new RegistryError('SIZE_INVALID', `a range of ${limitBytes} bytes came with ${sizeBytes - upload.sizeBytes}`);
  }
  return sizeBytes;
}
