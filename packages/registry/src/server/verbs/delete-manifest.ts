import type { ManifestCall } from '../http/call.ts';
import { parsePushedManifest } from '../pushed-manifest.ts';
import { RegistryError } from '../registry-error.ts';
import { findManifest, removeManifest, removeTag } from '../store/manifests.ts';

/**
 * `DELETE /v2/<name>/manifests/<tag-or-digest>`: a tag alone, or a manifest with every tag that points to it. The bytes
 * go with the next collection.
 *
 * Spec: end-9. @throws MANIFEST_UNKNOWN
 */
export async function deleteManifest({ store, name, asked, request }: ManifestCall): Promise<Response> {
  await using _lock = await store.locks.hold(name, request.signal);
  const wasThere = asked.kind === 'tag' ? await removeTag(store, name, asked.tag) : await removeByDigest();
  if (!wasThere) throw new RegistryError('MANIFEST_UNKNOWN', 'manifest unknown', { detail: { name } });
  return new Response(null, { status: 202 });

  async function removeByDigest(): Promise<boolean> {
    const manifest = await findManifest(store, name, asked);
    if (manifest === undefined) return false;
    const { subject } = parsePushedManifest(manifest.bytes, manifest.mediaType);
    return await removeManifest(store, name, { digest: manifest.digest, subject });
  }
}
