import { createHash } from 'node:crypto';
import { type Digest, maximumManifestBytes, parseDigest, splitDigest } from '@gantry/oci';
import { readCapped } from '../http/body.ts';
import { type ManifestCall, refusePush } from '../http/call.ts';
import { checkWriteConditions } from '../http/conditions.ts';
import { parseWireTag, type TagOrDigest } from '../names.ts';
import { type ManifestPart, type PushedManifest, parsePushedManifest } from '../pushed-manifest.ts';
import { RegistryError } from '../registry-error.ts';
import { findBlob } from '../store/blobs.ts';
import { findManifest, hasManifest, writeManifest } from '../store/manifests.ts';

/** More in one request would be no push but an attack; the specification asks for ten. */
const maximumTags = 100;

/**
 * `PUT /v2/<name>/manifests/<tag-or-digest>`. Nothing of a manifest is stored before all of it is checked.
 *
 * Spec: end-7a and end-7b (`?tag=`), "Pushing Manifests with Subject".
 * @throws MANIFEST_INVALID, MANIFEST_BLOB_UNKNOWN, DIGEST_INVALID, SIZE_INVALID (413), UNSUPPORTED (proxy)
 */
export async function putManifest(call: ManifestCall): Promise<Response> {
  const { store, name, asked, request } = call;
  refusePush(call);
  const tags = tagsOf(asked, call.url.searchParams);
  const bytes = await readCapped(request, maximumManifestBytes);
  const digest = verifyDigest(asked, bytes);
  const parsed = parsePushedManifest(bytes, request.headers.get('content-type') ?? '');
  // Held from before looking for the parts until the manifest keeps them itself.
  using _pins = store.pins.hold([digest, ...parsed.parts.map((part) => part.digest)]);
  if (!call.allowsSparse) checkParts(call, parsed);
  {
    await using _lock = await store.locks.hold(name, request.signal);
    const [tag] = tags;
    const before = tag === undefined ? undefined : await findManifest(store, name, { kind: 'tag', tag });
    checkWriteConditions(request, before === undefined ? undefined : `"${before.digest}"`);
    await writeManifest(store, name, { manifest: { digest, mediaType: parsed.mediaType, bytes }, parsed, tags });
  }
  const headers = new Headers({ location: `/v2/${name}/manifests/${digest}`, 'docker-content-digest': digest });
  if (parsed.subject !== undefined) headers.set('oci-subject', parsed.subject);
  if (asked.kind === 'digest' && tags.length > 0) headers.set('oci-tag', tags.join(', '));
  return new Response(null, { status: 201, headers });
}

function tagsOf(asked: TagOrDigest, query: URLSearchParams): readonly string[] {
  if (asked.kind === 'tag') return [asked.tag];
  const tags = [...new Set(query.getAll('tag'))].map(parseWireTag);
  if (tags.length > maximumTags)
    throw new RegistryError('TAG_INVALID', `more than ${maximumTags} tags at once`, { status: 414 });
  return tags;
}

function verifyDigest(asked: TagOrDigest, bytes: Uint8Array): Digest {
  const algorithm = asked.kind === 'digest' ? splitDigest(asked.digest).algorithm : 'sha256';
  const digest = parseDigest(`${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`);
  if (asked.kind === 'digest' && asked.digest !== digest) {
    throw new RegistryError('DIGEST_INVALID', 'provided digest did not match uploaded content', {
      detail: { provided: asked.digest, actual: digest },
    });
  }
  return digest;
}

/** Every part must be in this repository, with the size that the manifest says. A subject need not be there. */
function checkParts(call: ManifestCall, { parts }: PushedManifest): void {
  const missing = parts.filter((part) => !hasPart(call, part)).map(({ digest }) => digest);
  if (missing.length > 0) {
    throw new RegistryError('MANIFEST_BLOB_UNKNOWN', 'manifest references a manifest or blob unknown to registry', {
      detail: missing.slice(0, 100).map((digest) => ({ digest })),
    });
  }
}

function hasPart({ store, name }: ManifestCall, { kind, digest, sizeBytes }: ManifestPart): boolean {
  if (kind === 'manifest' && hasManifest(store, name, digest)) return true;
  const blob = findBlob(store, name, digest);
  if (blob !== undefined && blob.sizeBytes !== sizeBytes) {
    throw new RegistryError('SIZE_INVALID', `manifest says ${sizeBytes} bytes of a blob of ${blob.sizeBytes}`, {
      detail: { digest },
    });
  }
  return blob !== undefined;
}
