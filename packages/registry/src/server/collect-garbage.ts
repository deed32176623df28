import { rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError, isErrno, messageOf } from '@gantry/base';
import type { Digest } from '@gantry/oci';
import { collectDeltas } from './deltas.ts';
import type { RepositoryName } from './names.ts';
import { type PushedManifest, parsePushedManifest } from './pushed-manifest.ts';
import { findContent, listContent, listLinks } from './store/blobs.ts';
import { removeFileNow, statFile } from './store/files.ts';
import { linkDirectories } from './store/layout.ts';
import {
  hasManifest,
  listManifests,
  listTags,
  readManifest,
  readTag,
  removeManifest,
  removeTag,
} from './store/manifests.ts';
import type { Store } from './store/store.ts';

export type CollectOptions = {
  /** What nothing refers to is kept this long, since its manifest may be on its way. */
  readonly graceMs: number;
  /** Uploads that nobody went on with for this long are ended. */
  readonly uploadExpiryMs: number;
  /** Manifests without a tag go too, once they are older than the grace period and no index of the repository has them. */
  readonly untagged: boolean;
  /** Manifests that nobody asked for in this time go, tags and all: what a cache gives up. Undefined: none. */
  readonly unusedMs: number | undefined;
};

/** What a collection did. */
export type Collected = {
  readonly manifests: number;
  readonly links: number;
  readonly blobs: number;
  readonly freedBytes: number;
  readonly uploads: number;
};

/**
 * Removes what nothing refers to any more, while the registry serves, pushes included.
 *
 * First each repository: links to blobs that none of its manifests names go when they are older than the grace period.
 * Then the bytes: those that no repository links to. Every removal looks once more at age and pins in the same turn of
 * the event loop in which it unlinks, so nothing that a request holds or was just promised is taken.
 */
export async function collectGarbage(store: Store, options: CollectOptions): Promise<Collected> {
  using _run = store.pins.beginCollecting();
  const beforeMs = store.now() - options.graceMs;
  const linked = new Set<Digest>();
  let manifests = 0;
  let links = 0;
  store.repositories.forget();
  for (const name of await store.repositories.list()) {
    if (options.untagged) manifests += await removeUntagged(store, name, beforeMs);
    if (options.unusedMs !== undefined) manifests += await removeUnused(store, name, store.now() - options.unusedMs);
    links += await collectRepository(store, name, { beforeMs, linked });
  }
  const { blobs, freedBytes } = await collectBytes(store, { beforeMs, linked });
  const deltaBytes = await collectDeltas(store);
  const uploads = await store.uploads.expire(store.now() - options.uploadExpiryMs);
  store.repositories.forget();
  return { manifests, links, blobs, freedBytes: freedBytes + deltaBytes, uploads };
}

/** @param into.linked takes every digest that the repository still links to */
async function collectRepository(
  store: Store,
  name: RepositoryName,
  into: { beforeMs: number; linked: Set<Digest> },
): Promise<number> {
  const named = new Set<Digest>();
  for (const digest of await listManifests(store, name)) {
    into.linked.add(digest);
    for (const part of await partsOf(store, name, digest)) named.add(part);
  }
  let removed = 0;
  for (const digest of await listLinks(store.layout.blobLinks(name))) {
    if (!named.has(digest) && removeOld(store, { path: store.layout.blobLink(name, digest), digest, ...into }))
      removed++;
    else into.linked.add(digest);
  }
  for (const digest of await listLinks(store.layout.expectedLinks(name)))
    if (!named.has(digest)) removeOld(store, { path: store.layout.expectedLink(name, digest), digest, ...into });
  await removeDanglingTags(store, name);
  removeEmptyDirectories(store, name);
  return removed;
}

async function partsOf(store: Store, name: RepositoryName, digest: Digest): Promise<readonly Digest[]> {
  return (await parseStored(store, name, digest))?.parts.map((part) => part.digest) ?? [];
}

/** @throws internal: what a manifest needs that cannot be read is not known, so nothing may be taken */
async function parseStored(store: Store, name: RepositoryName, digest: Digest): Promise<PushedManifest | undefined> {
  const manifest = await readManifest(store, name, digest);
  try {
    return manifest && parsePushedManifest(manifest.bytes, manifest.mediaType);
  } catch (cause) {
    const why = `manifest "${digest}" of "${name}" is damaged: ${messageOf(cause)}`;
    throw new EngineError('internal', `cannot collect garbage: ${why}`, {
      hint: 'push that image again, or delete the manifest',
      cause,
    });
  }
}

/** Looks and unlinks without giving anyone else a turn in between. */
function removeOld(store: Store, file: { path: string; digest: Digest; beforeMs: number }): boolean {
  const facts = statFile(file.path);
  if (facts === undefined || facts.mtimeMs >= file.beforeMs || store.pins.isPinned(file.digest)) return false;
  return removeFileNow(file.path);
}

async function removeUnused(store: Store, name: RepositoryName, beforeMs: number): Promise<number> {
  await using _lock = await store.locks.hold(name);
  let removed = 0;
  for (const digest of await listManifests(store, name)) {
    const subject = (await parseStored(store, name, digest))?.subject;
    if (isOldManifest(store, name, { digest, beforeMs }) && (await removeManifest(store, name, { digest, subject })))
      removed++;
  }
  return removed;
}

async function removeUntagged(store: Store, name: RepositoryName, beforeMs: number): Promise<number> {
  await using _lock = await store.locks.hold(name);
  const all = await listManifests(store, name);
  const kept = await neededManifests(store, name, all);
  let removed = 0;
  for (const digest of all) {
    if (kept.has(digest)) continue;
    const subject = (await parseStored(store, name, digest))?.subject;
    // What refers to another manifest lives as long as that one.
    if (subject !== undefined && hasManifest(store, name, subject)) continue;
    if (isOldManifest(store, name, { digest, beforeMs }) && (await removeManifest(store, name, { digest, subject })))
      removed++;
  }
  return removed;
}

/** Those that have a tag, and those that are part of another. */
async function neededManifests(
  store: Store,
  name: RepositoryName,
  all: readonly Digest[],
): Promise<ReadonlySet<Digest>> {
  const needed = new Set<Digest>();
  for (const tag of await listTags(store, name)) {
    const digest = await readTag(store, name, tag);
    if (digest !== undefined) needed.add(digest);
  }
  for (const digest of all) for (const part of await partsOf(store, name, digest)) needed.add(part);
  return needed;
}

/** Asked in the same turn in which the manifest's link is removed. */
function isOldManifest(
  { layout, pins }: Store,
  name: RepositoryName,
  { digest, beforeMs }: { digest: Digest; beforeMs: number },
): boolean {
  const link = statFile(layout.manifestLink(name, digest));
  return link !== undefined && link.mtimeMs < beforeMs && !pins.isPinned(digest);
}

/** A crash between the removal of a manifest and that of its tags leaves tags of nothing. */
async function removeDanglingTags(store: Store, name: RepositoryName): Promise<void> {
  await using _lock = await store.locks.hold(name);
  for (const tag of await listTags(store, name)) {
    const digest = await readTag(store, name, tag);
    if (digest === undefined || !hasManifest(store, name, digest)) await removeTag(store, name, tag);
  }
}

/** `rmdir` takes only what is empty, so a push that comes in between loses nothing. */
function removeEmptyDirectories({ layout }: Store, name: RepositoryName): void {
  const repository = join(layout.repositories, name);
  const leaves = linkDirectories.flatMap((directory) => [
    join(repository, directory, 'sha256'),
    join(repository, directory, 'sha512'),
    join(repository, directory),
  ]);
  for (const path of [...leaves, repository]) {
    try {
      rmdirSync(path);
    } catch (error) {
      if (!isErrno(error, 'ENOENT') && !isErrno(error, 'ENOTEMPTY')) throw error;
    }
  }
}

async function collectBytes(
  store: Store,
  { beforeMs, linked }: { beforeMs: number; linked: ReadonlySet<Digest> },
): Promise<{ blobs: number; freedBytes: number }> {
  let blobs = 0;
  let freedBytes = 0;
  for await (const digests of listContent(store)) {
    for (const digest of digests) {
      const content = linked.has(digest) ? undefined : findContent(store, digest);
      if (content === undefined || !removeOld(store, { ...content, digest, beforeMs })) continue;
      blobs++;
      freedBytes += content.sizeBytes;
    }
  }
  return { blobs, freedBytes };
}
