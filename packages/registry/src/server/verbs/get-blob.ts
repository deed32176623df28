import type { Digest } from '@gantry/oci';
import { type ByteRange, parseRange } from '../byte-range.ts';
import type { BlobCall } from '../http/call.ts';
import { isUnchanged } from '../http/conditions.ts';
import { RegistryError } from '../registry-error.ts';
import { findBlob, promiseBlob } from '../store/blobs.ts';

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
  return answerBlob(request, { digest, sizeBytes: blob.sizeBytes }, ({ first, last }) =>
    Bun.file(blob.path).slice(first, last + 1),
  );
}

/**
 * The answer to a GET or HEAD of a blob, whole or in part.
 *
 * @param open makes the body of a range; it is not called when there is none to send
 * @throws UNSUPPORTED with status 416
 */
export function answerBlob(
  request: Request,
  { digest, sizeBytes }: { readonly digest: Digest; readonly sizeBytes: number },
  open: (range: ByteRange) => Blob | ReadableStream<Uint8Array>,
): Response {
  return answerBytes(request, { etag: `"${digest}"`, sizeBytes, headers: blobHeaders(digest) }, open);
}

/** The same for whatever bytes have a name of their own, which `etag` is. */
export function answerBytes(
  request: Request,
  named: { readonly etag: string; readonly sizeBytes: number; readonly headers: Readonly<Record<string, string>> },
  open: (range: ByteRange) => Blob | ReadableStream<Uint8Array>,
): Response {
  const { etag, sizeBytes } = named;
  const headers: Record<string, string> = { ...named.headers, 'accept-ranges': 'bytes', etag };
  if (isUnchanged(request, etag)) return new Response(null, { status: 304, headers });
  const part = request.method === 'GET' ? askedRange(request, etag, sizeBytes) : undefined;
  const range = part ?? { first: 0, last: sizeBytes - 1 };
  headers['content-length'] = String(range.last - range.first + 1);
  if (part !== undefined) headers['content-range'] = `bytes ${part.first}-${part.last}/${sizeBytes}`;
  const body = request.method === 'HEAD' ? null : open(range);
  return new Response(body, { status: part === undefined ? 200 : 206, headers });
}

function blobHeaders(digest: Digest): Record<string, string> {
  return {
    'content-type': 'application/octet-stream',
    'content-disposition': 'attachment',
    'docker-content-digest': digest,
    // The bytes of a digest never change.
    'cache-control': 'max-age=31536000, immutable',
  };
}

function askedRange(request: Request, etag: string, sizeBytes: number): ByteRange | undefined {
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
