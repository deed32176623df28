import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, splitDigest } from '@gantry/oci';
import type { Db } from '../db/index.ts';
import { openBlobRows } from './blob-rows.ts';
import { openIngest } from './ingest.ts';
import type { ContentRoom } from './types.ts';

export type ContentDeps = {
  readonly db: Db;
  readonly dataRoot: string;
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

  const collect = (candidates: readonly Digest[]): void => {
    const unused = deps.db.tx(() => candidates.filter((digest) => rows.removeUnused(digest)));
    for (const digest of unused) rmSync(pathOf(digest), { force: true });
  };

  return {
    find: (digest) => {
      const row = rows.find(digest);
      return row === undefined ? undefined : { path: pathOf(digest), sizeBytes: row.size };
    },
    ingest: () =>
      openIngest({
        path: join(ingestDir, Buffer.from(deps.random(16)).toString('hex')),
        pathOf,
        record: (digest, sizeBytes) => rows.add({ digest, size: sizeBytes, created: deps.now().getTime() }),
      }),
    hold: (digest, user) => rows.hold(digest, user),
    release: (user) => collect(rows.release(user)),
    sweep: (isAlive) => {
      for (const name of readdirSync(ingestDir)) rmSync(join(ingestDir, name), { force: true, recursive: true });
      for (const user of rows.users()) if (!isAlive(user)) rows.release(user);
      collect(rows.list());
      const known = new Set(rows.list().map((digest) => splitDigest(digest).hex));
      for (const name of readdirSync(blobDir)) if (!known.has(name)) rmSync(join(blobDir, name), { force: true });
    },
  };
}
