import { deltaOffer } from '../../delta-wire.ts';
import type { ManifestCall } from '../http/call.ts';
import { isUnchanged } from '../http/conditions.ts';
import { RegistryError } from '../registry-error.ts';
import { touchLink } from '../store/blobs.ts';
import { findManifest, hasRepository } from '../store/manifests.ts';

/** What a cache says beside an answer that may be old. */
export const staleWarning = '299 - "the upstream registry cannot be reached: this is what it sent last"';

/** `GET` and `HEAD /v2/<name>/manifests/<tag-or-digest>`. Spec: end-3. @throws MANIFEST_UNKNOWN, NAME_UNKNOWN */
export async function getManifest(call: ManifestCall): Promise<Response> {
  const { store, name, asked, request } = call;
  const fresh = await call.upstream?.refreshManifest(name, asked);
  const manifest = await findManifest(store, name, asked);
  if (manifest === undefined) {
    if (!hasRepository(store, name)) throw unknownRepository(name);
    const shown = asked.kind === 'tag' ? asked.tag : asked.digest;
    throw new RegistryError('MANIFEST_UNKNOWN', 'manifest unknown', { detail: { name, reference: shown } });
  }
  // A cache gives up what nobody asks for.
  if (call.upstream !== undefined) touchLink(store, store.layout.manifestLink(name, manifest.digest));
  const etag = `"${manifest.digest}"`;
  const headers: Record<string, string> = {
    'content-type': manifest.mediaType,
    'docker-content-digest': manifest.digest,
    etag,
    ...deltaOffer,
    ...(fresh === 'stale' && { warning: staleWarning }),
  };
  if (isUnchanged(request, etag)) return new Response(null, { status: 304, headers });
  headers['content-length'] = String(manifest.bytes.length);
  return new Response(request.method === 'HEAD' ? null : manifest.bytes, { headers });
}

/** The error for a repository that was never pushed to. */
export function unknownRepository(name: string): RegistryError {
  return new RegistryError('NAME_UNKNOWN', 'repository name not known to registry', { detail: { name } });
}
