import { mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, parseDigest, splitDigest } from '@gantry/oci';
import type { Db } from '../db/index.ts';
import type { Durability } from '../durability/index.ts';
import { type BlobRow, type BlobRows, openBlobRows } from './blob-rows.ts';
import { findDamaged } from './damaged.ts';
import { openIngest } from './ingest.ts';
import type { ContentRoom, Ingest, StoredBlob } from './types.ts';

export type ContentDeps = {
  readonly db: Db;
  readonly dataRoot: string;
  readonly durability: Pick<Durability, 'note'>;
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

  const partialOf = (digest: Digest): string => `${splitDigest(digest).hex}${partial}`;

  const arriving = new Set<string>();
  const resuming = new Set<string>();

  const remove = (digest: Digest): void => rmSync(pathOf(digest), { force: true });
  const setAside = (digest: Digest): void => {
    if (resuming.has(partialOf(digest))) {
      remove(digest);
      return;
    }
    const path = join(ingestDir, partialOf(digest));
    renameSync(pathOf(digest), path);
    // Its day begins now.
    utimesSync(path, deps.now(), deps.now());
  };

  const collect = (candidates: readonly Digest[], drop: (digest: Digest) => void = remove): number => {
    const blobs = candidates.flatMap((digest) => rows.find(digest) ?? []).map(storedBlob);
    const unused = deps.db.tx(() => blobs.filter(({ digest }) => rows.removeUnused(digest)));
    for (const { digest } of unused) drop(digest);
    return unused.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  };
  const list = (): StoredBlob[] => rows.list().map(storedBlob);
  const strays = (): string[] => {
    const known = new Set(list().map(({ digest }) => splitDigest(digest).hex));
    return [
      // What an earlier pull had of a blob waits for the next one.
      ...readdirSync(ingestDir).flatMap((name) => (name.endsWith(partial) ? [] : [join(ingestDir, name)])),
      ...readdirSync(blobDir).flatMap((name) => (known.has(name) ? [] : [join(blobDir, name)])),
    ].filter((path) => !arriving.has(path));
  };

  const record = (digest: Digest, sizeBytes: number): void =>
    deps.db.tx(() => {
      rows.add({ digest, size: sizeBytes, created: deps.now().getTime() });
      deps.durability.note({ kind: 'blob', name: digest });
    });

  /** Two at a time would write into each other: the second gets a file of its own. */
  const ingestOf = (digest?: Digest): Ingest => {
    const own = digest === undefined ? undefined : partialOf(digest);
    if (own === undefined || resuming.has(own)) {
      const path = join(ingestDir, Buffer.from(deps.random(16)).toString('hex'));
      arriving.add(path);
      return openIngest({ path, pathOf, record, isResumable: false, onClose: () => void arriving.delete(path) });
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
    suspend: (user) => void collect(rows.release(user), setAside),
    planReleases: (users) => planReleases(rows, users),
    heldBy: (user) => blobsOf(rows, user),
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
      sweepPartials();
      for (const user of rows.users()) if (!isAlive(user)) rows.release(user);
      collect(rows.list().map((row) => storedBlob(row).digest));
      for (const path of strays()) rmSync(path, { force: true, recursive: true });
    },
  };
}

function blobsOf(rows: BlobRows, user: string): StoredBlob[] {
  return rows
    .heldBy(user)
    .flatMap((digest) => rows.find(digest) ?? [])
    .map(storedBlob);
}

function planReleases(rows: BlobRows, users: readonly string[]): number[] {
  const leaving = new Set<string>();
  const gone = new Set<Digest>();
  return users.map((user) => {
    leaving.add(user);
    const unused = blobsOf(rows, user).filter(
      ({ digest }) => !gone.has(digest) && rows.usersOf(digest).every((holder) => leaving.has(holder)),
    );
    for (const { digest } of unused) gone.add(digest);
    return unused.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  });
}

function storedBlob({ digest, size }: BlobRow): StoredBlob {
  return { digest: parseDigest(digest), sizeBytes: size };
}
