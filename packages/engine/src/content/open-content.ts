import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, splitDigest } from '@gantry/oci';
import type { Db } from '../db/index.ts';
import { openBlobRows } from './blob-rows.ts';
import { openIngest } from './ingest.ts';
import type { ContentRoom, Ingest } from './types.ts';

export type ContentDeps = {
  readonly db: Db;
  readonly dataRoot: string;
  readonly now: () => Date;
  readonly random: (bytes: number) => Uint8Array;
};

/** Ends the name of a file that a later pull may go on with. */
const partial = '.partial';
const partialLifetimeMs = 24 * 3600 * 1000;

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

  const record = (digest: Digest, sizeBytes: number): void =>
    rows.add({ digest, size: sizeBytes, created: deps.now().getTime() });
  const resuming = new Set<string>();

  /** Two at a time would write into each other: the second gets a file of its own. */
  const ingestOf = (digest?: Digest): Ingest => {
    const own = digest === undefined ? undefined : `${splitDigest(digest).hex}${partial}`;
    if (own === undefined || resuming.has(own)) {
      const path = join(ingestDir, Buffer.from(deps.random(16)).toString('hex'));
      return openIngest({ path, pathOf, record, isResumable: false });
    }
    sweepPartials();
    const onClose = (): void => void resuming.delete(own);
    const ingest = openIngest({ path: join(ingestDir, own), pathOf, record, isResumable: true, onClose }, 'kept');
    resuming.add(own);
    return ingest;
  };

  /** Removes partial blobs that nobody came back for. */
  const sweepPartials = (): void => {
    const oldest = deps.now().getTime() - partialLifetimeMs;
    for (const name of readdirSync(ingestDir)) {
      const path = join(ingestDir, name);
      if (!name.endsWith(partial) || resuming.has(name)) continue;
      if (statSync(path).mtimeMs < oldest) rmSync(path, { force: true });
    }
  };

  return {
    find: (digest) => {
      const row = rows.find(digest);
      return row === undefined ? undefined : { path: pathOf(digest), sizeBytes: row.size };
    },
    ingest: () => ingestOf(),
    resume: (digest) => ingestOf(digest),
    hold: (digest, user) => rows.hold(digest, user),
    release: (user) => collect(rows.release(user)),
    sweep: (isAlive) => {
      sweepPartials();
      for (const name of readdirSync(ingestDir))
        if (!name.endsWith(partial)) rmSync(join(ingestDir, name), { force: true, recursive: true });
      for (const user of rows.users()) if (!isAlive(user)) rows.release(user);
      collect(rows.list());
      const known = new Set(rows.list().map((digest) => splitDigest(digest).hex));
      for (const name of readdirSync(blobDir)) if (!known.has(name)) rmSync(join(blobDir, name), { force: true });
    },
  };
}
