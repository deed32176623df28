import { type ByteRange, parseRange } from '../byte-range.ts';
import type { BlobCall } from '../http/call.ts';
import { isUnchanged } from '../http/conditions.ts';
import { RegistryError } from '../registry-error.ts';
import { findBlob, promiseBlob, type StoredBlob } from '../store/blobs.ts';

/**
 * `GET` and `HEAD /v2/<name>/blobs/<digest>`, whole or a range. A body is a slice of the file itself, which leaves
 * through sendfile.
 *
 * Spec: end-2. @throws BLOB_UNKNOWN, UNSUPPORTED with status 416
 */
export async function getBlob(call: BlobCall): Promise<Response> {
  const { store, name, digest, request } = call;
  const blob = findBlob(store, name, digest);
  if (blob === undefined) {
    const passed = await call.upstream?.passBlob(call);
    if (passed !== undefined) return passed;
    throw unknownBlob(digest);
  }
  // Who asks for the head wants to know whether it must be pushed, and is told no.
  if (request.method === 'HEAD') promiseBlob(store, name, digest);
  return serveBlob(request, digest, blob);
}

function serveBlob(request: Request, digest: string, blob: StoredBlob): Response {
  const headers = blobHeaders(digest);
  if (isUnchanged(request, headers.etag ?? '')) return new Response(null, { status: 304, headers });
  const range = request.method === 'GET' ? askedRange(request, headers.etag ?? '', blob.sizeBytes) : undefined;
  const { first, last } = range ?? { first: 0, last: blob.sizeBytes - 1 };
  headers['content-length'] = String(last - first + 1);
  if (range !== undefined) headers['content-range'] = `bytes ${first}-${last}/${blob.sizeBytes}`;
  const body = request.method === 'HEAD' ? null : Bun.file(blob.path).slice(first, last + 1);
  return new Response(body, { status: range === undefined ? 200 : 206, headers });
}

/** What every answer about a blob says. */
export function blobHeaders(digest: string): Record<string, string> {
  return {
    'content-type': 'application/octet-stream',
    'content-disposition': 'attachment',
    'docker-content-digest': digest,
    'accept-ranges': 'bytes',
    // The bytes of a digest never change.
    'cache-control': 'max-age=31536000, immutable',
    etag: `"${digest}"`,
  };
}

/** @throws UNSUPPORTED with status 416 */
export function askedRange(request: Request, etag: string, sizeBytes: number): ByteRange | undefined {
  const ifRange = request.headers.get('if-range');
  // Another version than the one that the client has a part of: all of it, then.
  if (ifRange !== null && ifRange !== etag) return undefined;
  const range = parseRange(request.headers.get('range'), sizeBytes);
  if (range !== 'unsatisfiable') return range;
  throw new RegistryError('UNSUPPORTED', 'the blob has no such range', {
    status: 416,
    headers: { 'content-range': `bytes */${sizeBytes}` },
  });
}

export function unknownBlob(digest: string): RegistryError {
  return new RegistryError('BLOB_UNKNOWN', 'blob unknown to registry', { detail: { digest } });
}
