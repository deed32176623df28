import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, parseDigest, splitDigest } from '@gantry/oci';
import type { Db } from '../db/index.ts';
import type { Durability } from '../durability/index.ts';
import { type BlobRow, openBlobRows } from './blob-rows.ts';
import { findDamaged } from './damaged.ts';
import { openIngest } from './ingest.ts';
import type { ContentRoom, StoredBlob } from './types.ts';

export type ContentDeps = {
  readonly db: Db;
  readonly dataRoot: string;
  readonly durability: Pick<Durability, 'note'>;
  readonly now: () => Date;
  readonly random: (bytes: number) => Uint8Array;
};

/** Opens the store of blobs below `dataRoot`, making its directories. */
export function openContent(deps: ContentDeps): ContentRoom {
  const rows = openBlobRows(deps.db);
  const ingestDir = join(deps.dataRoot, 'ingest');
  const blobDir = join(deps.dataRoot, 'blobs', 'sha256');
  // SAFETY: 0700 all the way: other users of the host must not reach set-user-ID files of images (CVE-2021-41091).
  for (const dir of [ingestDir, blobDir]) mkdirSync(dir, { recursive: true, mode: 0o700 });
  const pathOf = (digest: Digest): string => join(blobDir, splitDigest(digest).hex);

  const arriving = new Set<string>();

  const collect = (candidates: readonly Digest[]): number => {
    const blobs = candidates.flatMap((digest) => rows.find(digest) ?? []).map(storedBlob);
    const unused = deps.db.tx(() => blobs.filter(({ digest }) => rows.removeUnused(digest)));
    for (const { digest } of unused) rmSync(pathOf(digest), { force: true });
    return unused.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  };
  const list = (): StoredBlob[] => rows.list().map(storedBlob);
  const strays = (): string[] => {
    const known = new Set(list().map(({ digest }) => splitDigest(digest).hex));
    return [
      ...readdirSync(ingestDir).map((name) => join(ingestDir, name)),
      ...readdirSync(blobDir).flatMap((name) => (known.has(name) ? [] : [join(blobDir, name)])),
    ].filter((path) => !arriving.has(path));
  };

  return {
    find: (digest) => {
      const row = rows.find(digest);
      return row === undefined ? undefined : { path: pathOf(digest), sizeBytes: row.size };
    },
    ingest: () => {
      const path = join(ingestDir, Buffer.from(deps.random(16)).toString('hex'));
      arriving.add(path);
      return openIngest({
        path,
        pathOf,
        ended: () => arriving.delete(path),
        record: (digest, sizeBytes) =>
          deps.db.tx(() => {
            rows.add({ digest, size: sizeBytes, created: deps.now().getTime() });
            deps.durability.note({ kind: 'blob', name: digest });
          }),
      });
    },
    hold: (digest, user) => rows.hold(digest, user),
    release: (user) => collect(rows.release(user)),
    heldBy: (user) =>
      rows
        .heldBy(user)
        .flatMap((digest) => rows.find(digest) ?? [])
        .map(storedBlob),
    usersOf: rows.usersOf,
    list,
    damaged: async (options, signal) => {
      const blobs = list().map((blob) => ({ ...blob, path: pathOf(blob.digest) }));
      const found = await findDamaged(blobs, { ...options, signal });
      // What was removed meanwhile is not missing.
      return found.filter(({ digest }) => rows.find(digest) !== undefined);
    },
    forget: (digest) => {
      rows.remove(digest);
      rmSync(pathOf(digest), { force: true });
    },
    strays,
    removeStray: (path) => {
      if (strays().includes(path)) rmSync(path, { force: true, recursive: true });
    },
    sweep: (isAlive) => {
      for (const user of rows.users()) if (!isAlive(user)) rows.release(user);
      collect(rows.list().map((row) => storedBlob(row).digest));
      for (const path of strays()) rmSync(path, { force: true, recursive: true });
    },
  };
}

function storedBlob({ digest, size }: BlobRow): StoredBlob {
  return { digest: parseDigest(digest), sizeBytes: size };
}
