import { type Digest, parseDigest, parseFields } from '@gantry/oci';
import type { RepositoryName, TagOrDigest } from '../names.ts';
import type { PushedManifest } from '../pushed-manifest.ts';
import { listLinks } from './blobs.ts';
import { listNames, readBytes, readText, removeFile, removeFileNow, statFile, writeDurably } from './files.ts';
import type { StoredManifest } from './manifest-cache.ts';
import type { Store } from './store.ts';

/** Finds a manifest by tag or digest; undefined when the repository has none of that name. */
export async function findManifest(
  store: Store,
  name: RepositoryName,
  asked: TagOrDigest,
): Promise<StoredManifest | undefined> {
  const key = asked.kind === 'tag' ? asked.tag : asked.digest;
  const cached = store.cache.get(name, key);
  if (cached !== undefined) return cached;
  const { epoch } = store.cache;
  const digest = asked.kind === 'digest' ? asked.digest : await readTag(store, name, asked.tag);
  const manifest = digest === undefined ? undefined : await readManifest(store, name, digest);
  if (manifest !== undefined) store.cache.add(name, key, { manifest, epoch });
  return manifest;
}

/** What a tag points to; the manifest need not be there. */
export async function readTag(store: Store, name: RepositoryName, tag: string): Promise<Digest | undefined> {
  const text = await readText(store.layout.tag(name, tag));
  return text === undefined ? undefined : parseDigest(text.trim());
}

/** Reads a manifest past the cache, which keeps what clients ask for. */
export async function readManifest(
  store: Store,
  name: RepositoryName,
  digest: Digest,
): Promise<StoredManifest | undefined> {
  const link = await readText(store.layout.manifestLink(name, digest));
  const bytes = link === undefined ? undefined : await readBytes(store.layout.blob(digest));
  if (link === undefined || bytes === undefined) return undefined;
  return { digest, mediaType: parseFields(link, 'manifest link').text('mediaType'), bytes: Uint8Array.from(bytes) };
}

/** Whether a repository has a manifest. */
export function hasManifest({ layout }: Store, name: RepositoryName, digest: Digest): boolean {
  return statFile(layout.manifestLink(name, digest)) !== undefined;
}

/** Whether a repository was ever pushed to. */
export function hasRepository({ layout }: Store, name: RepositoryName): boolean {
  return statFile(layout.manifestLinks(name)) !== undefined || statFile(layout.blobLinks(name)) !== undefined;
}

/**
 * Gives a repository a manifest. The link is the commit point: bytes and the entry among the referrers are there before
 * it, and mean nothing without it; tags come after. The caller holds the repository's lock and has pinned the digests.
 */
export async function writeManifest(
  store: Store,
  name: RepositoryName,
  written: { manifest: StoredManifest; parsed: PushedManifest; tags: readonly string[] },
): Promise<void> {
  const { layout } = store;
  const { manifest, parsed, tags } = written;
  // Written even when it is there: pushing again mends what something damaged.
  await writeDurably(layout.temporary, layout.blob(manifest.digest), manifest.bytes);
  if (parsed.subject !== undefined) {
    const path = layout.referrer(name, parsed.subject, manifest.digest);
    await writeDurably(layout.temporary, path, JSON.stringify(referrerDescriptor(manifest, parsed)));
  }
  const link = JSON.stringify({ mediaType: manifest.mediaType, size: manifest.bytes.length });
  await writeDurably(layout.temporary, layout.manifestLink(name, manifest.digest), link);
  for (const tag of tags) await writeDurably(layout.temporary, layout.tag(name, tag), manifest.digest);
  store.cache.forget(name, [manifest.digest, ...tags]);
  await store.repositories.add(name);
}

/** Spec: OCI distribution-spec 1.1, "Listing Referrers". */
function referrerDescriptor(manifest: StoredManifest, { artifactType, annotations }: PushedManifest): unknown {
  return {
    mediaType: manifest.mediaType,
    size: manifest.bytes.length,
    digest: manifest.digest,
    ...(artifactType !== '' && { artifactType }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
  };
}

/**
 * Takes a manifest from a repository, and every tag that points to it. The caller holds the repository's lock. The link
 * is gone before this gives anyone a turn.
 *
 * @returns false when it was not there
 */
export async function removeManifest(
  store: Store,
  name: RepositoryName,
  removed: { digest: Digest; subject: Digest | undefined },
): Promise<boolean> {
  const { layout } = store;
  const { digest, subject } = removed;
  const wasThere = removeFileNow(layout.manifestLink(name, digest));
  const tags = await tagsOf(store, name, digest);
  for (const tag of tags) await removeFile(layout.tag(name, tag));
  if (subject !== undefined) await removeFile(layout.referrer(name, subject, digest));
  store.cache.forget(name, [digest, ...tags]);
  return wasThere;
}

async function tagsOf(store: Store, name: RepositoryName, digest: Digest): Promise<readonly string[]> {
  const found: string[] = [];
  for (const tag of await listTags(store, name)) if ((await readTag(store, name, tag)) === digest) found.push(tag);
  return found;
}

/** Takes a tag away; its manifest stays. The caller holds the repository's lock. */
export async function removeTag(store: Store, name: RepositoryName, tag: string): Promise<boolean> {
  const wasThere = await removeFile(store.layout.tag(name, tag));
  store.cache.forget(name, [tag]);
  return wasThere;
}

/** All tags of a repository, in no order. */
export function listTags({ layout }: Store, name: RepositoryName): Promise<readonly string[]> {
  return listNames(layout.tags(name));
}

/** All manifests of a repository, in no order. */
export function listManifests({ layout }: Store, name: RepositoryName): Promise<readonly Digest[]> {
  return listLinks(layout.manifestLinks(name));
}
