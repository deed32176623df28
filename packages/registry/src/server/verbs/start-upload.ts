import { type Digest, splitDigest } from '@gantry/oci';
import { readBody } from '../http/body.ts';
import { type RepositoryCall, refusePush } from '../http/call.ts';
import { parseAlgorithm, parseRepositoryName, parseWireDigest, type RepositoryName } from '../names.ts';
import { findBlob, linkBlob, repositoriesWithBlob, type StoredBlob } from '../store/blobs.ts';
import { blobCreated, commitUpload } from './finish-upload.ts';
import { uploadHeaders } from './get-upload.ts';

/**
 * `POST /v2/<name>/blobs/uploads/`: starts a session; with `?mount=` takes the blob from another repository instead,
 * with `?digest=` takes the whole blob at once.
 *
 * Spec: end-4a, end-4b, end-4c, end-11. @throws DIGEST_INVALID
 */
export async function startUpload(call: RepositoryCall): Promise<Response> {
  const { store, name, url } = call;
  refusePush(call);
  const mount = url.searchParams.get('mount');
  if (mount !== null && (await mountBlob(call, parseWireDigest(mount))))
    return blobCreated(name, parseWireDigest(mount));
  const whole = url.searchParams.get('digest');
  if (whole !== null) return await takeWhole(call, parseWireDigest(whole));
  const algorithm = parseAlgorithm(url.searchParams.get('digest-algorithm') ?? 'sha256');
  const id = await store.uploads.start(name, algorithm);
  const headers = { ...uploadHeaders(name, { id, sizeBytes: 0 }), 'content-length': '0' };
  return new Response(null, { status: 202, headers });
}

async function takeWhole({ store, name, request }: RepositoryCall, digest: Digest): Promise<Response> {
  const { uploads } = store;
  const id = await uploads.start(name, splitDigest(digest).algorithm);
  await using undo = new AsyncDisposableStack();
  // The client never learns of this session, so nobody could go on with it.
  undo.defer(() => uploads.remove(id));
  await using held = await uploads.hold(id, request.signal);
  const upload = await uploads.get(name, id);
  await uploads.append(upload, readBody(request, held.signal), undefined);
  await commitUpload(store, name, { id, digest });
  return blobCreated(name, digest);
}

/** Takes a blob from the repository that is named, or from any that the caller may read. @returns false: it must be pushed */
async function mountBlob(call: RepositoryCall, digest: Digest): Promise<boolean> {
  const { store, name } = call;
  using _pin = store.pins.hold([digest]);
  const found = await findElsewhere(call, digest);
  if (found === undefined) return false;
  await linkBlob(store, name, { digest, sizeBytes: found.sizeBytes });
  return true;
}

async function findElsewhere(
  { store, name, access, url }: RepositoryCall,
  digest: Digest,
): Promise<StoredBlob | undefined> {
  const from = url.searchParams.get('from');
  const named = from === null ? [] : [parseRepositoryName(from)];
  const mayRead = (source: RepositoryName): boolean => source === name || access.mayMountFrom(source);
  for (const source of [name, ...named].filter(mayRead)) {
    const blob = findBlob(store, source, digest);
    if (blob !== undefined) return blob;
  }
  for await (const source of repositoriesWithBlob(store, digest)) {
    if (mayRead(source)) return findBlob(store, source, digest);
  }
  return undefined;
}
