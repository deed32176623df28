import { RegistryError } from './registry-error.ts';

/** Bytes of something, both ends included. */
export type ByteRange = { readonly first: number; readonly last: number };

/**
 * Reads a `Range` header for something of a known size.
 *
 * A unit or a form that is not understood, and more than one range, count as if nothing had been asked: a server may
 * always send the whole.
 *
 * Spec: RFC 9110 sections 14.1.2 and 14.2.
 * @returns undefined: send all of it
 */
export function parseRange(header: string | null, sizeBytes: number): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=\s*(\d*)-(\d*)\s*$/.exec(header ?? '');
  const [, from = '', to = ''] = match ?? [];
  if (match === null || (from === '' && to === '')) return undefined;
  if (from === '') {
    const length = Math.min(Number(to), sizeBytes);
    return length === 0 ? 'unsatisfiable' : { first: sizeBytes - length, last: sizeBytes - 1 };
  }
  const first = Number(from);
  const last = to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1);
  return first > last ? 'unsatisfiable' : { first, last };
}

/**
 * Reads the `Content-Range` of a chunk: `0-99`, and `bytes 0-99/200` for clients that write it as HTTP has it.
 *
 * Spec: OCI distribution-spec 1.1, "Pushing a blob in chunks".
 * @returns undefined: none was sent
 * @throws BLOB_UPLOAD_INVALID with status 416: nothing can be done with a range that cannot be read
 */
export function parseContentRange(header: string | null): ByteRange | undefined {
  if (header === null) return undefined;
  const match = /^(?:bytes[ =])?(\d{1,16})-(\d{1,16})(?:\/(?:\d+|\*))?$/.exec(header.trim());
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || last < first || !Number.isSafeInteger(last + 1)) {
    throw new RegistryError('BLOB_UPLOAD_INVALID', 'invalid Content-Range', { status: 416 });
  }
  return { first, last };
}

/** What an upload has so far, as clients expect it: `0-0` for nothing, as every registry has it. */
export function formatUploadRange(sizeBytes: number): string {
  return `0-${Math.max(sizeBytes - 1, 0)}`;
}
