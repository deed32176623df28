import { deltaBaseHeader, maximumBases } from '../../delta-wire.ts';
import type { BlobCall } from '../http/call.ts';
import { parseWireDigest } from '../names.ts';
import { RegistryError } from '../registry-error.ts';
import { findBlob } from '../store/blobs.ts';
import { answerBytes, unknownBlob } from './get-blob.ts';

/**
 * `GET` and `HEAD /v2/<name>/_gantry/deltas/<digest>?base=<digest>&base=…`: the tar of a layer as a difference from that
 * of the first base that is here. It is made when it is first asked for, and the answer waits for it.
 *
 * SAFETY: both are blobs of this repository, which the caller may read: nothing of another one shows in a delta.
 *
 * @throws BLOB_UNKNOWN; UNSUPPORTED with status 404 when there is no delta that helps
 */
export async function getDelta(call: BlobCall): Promise<Response> {
  const { store, name, digest: target, request, url, deltas } = call;
  if (findBlob(store, name, target) === undefined) throw unknownBlob(target);
  const bases = url.searchParams.getAll('base').slice(0, maximumBases).map(parseWireDigest);
  const base = bases.find((digest) => digest !== target && findBlob(store, name, digest) !== undefined);
  const delta = base && (await deltas.get({ target, base }));
  if (base === undefined || delta === undefined)
    throw new RegistryError('UNSUPPORTED', 'there is no delta that helps: get the blob', { status: 404 });
  const { path, sizeBytes } = delta;
  const headers = { 'content-type': 'application/vnd.gantry.delta.v1+zstd', [deltaBaseHeader]: base };
  // Made again it may be packed in another way, which its size mostly shows; who mixes two gets a tar that is refused.
  const etag = `"${target}.${base}.${sizeBytes}"`;
  return answerBytes(request, { etag, sizeBytes, headers }, ({ first, last }) => {
    deltas.countSent({ target, sentBytes: last - first + 1 });
    return Bun.file(path).slice(first, last + 1);
  });
}
