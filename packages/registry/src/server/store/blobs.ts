import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, type DigestAlgorithm, parseDigest } from '@gantry/oci';
import type { RepositoryName } from '../names.ts';
import { listNames, moveInto, readText, statFile, writeWhole } from './files.ts';
import type { Store } from './store.ts';

/** A blob that a repository has. */
export type StoredBlob = { readonly path: string; readonly sizeBytes: number };

const algorithms: readonly DigestAlgorithm[] = ['sha256', 'sha512'];
/** A link younger than this need not be touched again: less than any grace period that leaves a push time at all. */
const touchedRecentlyMs = 1000;

/** Looks for the bytes of a digest, whoever has a link to them. */
export function findContent({ layout }: Store, digest: Digest): StoredBlob | undefined {
  const path = layout.blob(digest);
  const file = statFile(path);
  return file === undefined ? undefined : { path, sizeBytes: file.size };
}

/**
 * Looks for a blob in a repository: a link there, and the bytes. Content that only other repositories have is not found,
 * or everyone could read everything whose digest they know.
 */
export function findBlob(store: Store, name: RepositoryName, digest: Digest): StoredBlob | undefined {
  if (statFile(store.layout.blobLink(name, digest)) === undefined) return undefined;
  return findContent(store, digest);
}

/** Makes the grace period of a blob's link begin anew, since a client was just told that it need not send the blob. */
export function promiseBlob(store: Store, name: RepositoryName, digest: Digest): void {
  touchLink(store, store.layout.blobLink(name, digest));
}

/** Makes a link as young as if it had just been written. */
export function touchLink(store: Store, path: string): void {
  const file = statFile(path);
  const now = store.now();
  if (file !== undefined && now - file.mtimeMs > touchedRecentlyMs) utimesSync(path, now / 1000, now / 1000);
}

/** Gives a repository a blob. The caller has pinned its digest and seen its bytes. */
export async function linkBlob(
  store: Store,
  name: RepositoryName,
  blob: { digest: Digest; sizeBytes: number },
): Promise<void> {
  const { layout, repositories } = store;
  await writeWhole(layout.temporary, layout.blobLink(name, blob.digest), String(blob.sizeBytes));
  await repositories.add(name);
}

/** Notes that a manifest of a repository names a blob, which is to be fetched when somebody asks for it. */
export async function expectBlob(
  { layout }: Store,
  name: RepositoryName,
  blob: { digest: Digest; sizeBytes: number },
): Promise<void> {
  await writeWhole(layout.temporary, layout.expectedLink(name, blob.digest), String(blob.sizeBytes));
}

/** The size of a blob that a repository is to fetch; undefined when none of its manifests named it. */
export async function findExpected(
  { layout }: Store,
  name: RepositoryName,
  digest: Digest,
): Promise<number | undefined> {
  const sizeBytes = Number(await readText(layout.expectedLink(name, digest)));
  return Number.isSafeInteger(sizeBytes) ? sizeBytes : undefined;
}

/** Puts bytes whose digest was verified under their name. They are on disk already. */
export async function commitContent(store: Store, from: string, digest: Digest): Promise<void> {
  const path = store.layout.blob(digest);
  // The same bytes are there, unless something damaged them.
  if (statFile(path)?.size !== statFile(from)?.size) await moveInto(from, path);
}

/** The repositories that have a blob, in no order. */
export async function* repositoriesWithBlob(store: Store, digest: Digest): AsyncGenerator<RepositoryName> {
  if (findContent(store, digest) === undefined) return;
  for (const name of await store.repositories.list()) if (findBlob(store, name, digest) !== undefined) yield name;
}

/** The digests of a directory of links: `_blobs` or `_manifests`. */
export async function listLinks(directory: string): Promise<readonly Digest[]> {
  const lists = await Promise.all(
    algorithms.map(async (algorithm) => digestsNamed(algorithm, await listNames(`${directory}/${algorithm}`))),
  );
  return lists.flat();
}

/** All bytes there are, whoever links to them; a directory at a time, since there may be many. */
export async function* listContent({ layout }: Store): AsyncGenerator<readonly Digest[]> {
  for (const algorithm of algorithms) {
    for (const prefix of await listNames(join(layout.blobs, algorithm)))
      yield digestsNamed(algorithm, await listNames(join(layout.blobs, algorithm, prefix)));
  }
}

/** Digests by the names of their files; whatever else lies there is none of ours. */
function digestsNamed(algorithm: DigestAlgorithm, names: readonly string[]): readonly Digest[] {
  const length = algorithm === 'sha256' ? 64 : 128;
  return names
    .filter((hex) => hex.length === length && /^[0-9a-f]+$/.test(hex))
    .map((hex) => parseDigest(`${algorithm}:${hex}`));
}
