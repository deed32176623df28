import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, parseDigest, splitDigest } from '@gantry/oci';
import type { Db } from '../db/index.ts';
import type { Durability } from '../durability/index.ts';
import { type BlobRow, type BlobRows, openBlobRows } from './blob-rows.ts';
import { findDamaged } from './damaged.ts';
import { openIngest } from './ingest.ts';
import { isPartial, openPartials } from './partials.ts';
import type { ContentRoom, Ingest, StoredBlob } from './types.ts';

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

  const partials = openPartials(ingestDir, deps.now);
  const arriving = new Set<string>();

  const remove = (digest: Digest): void => rmSync(pathOf(digest), { force: true });
  const setAside = (digest: Digest): void => {
    if (!partials.setAside(digest, pathOf(digest))) remove(digest);
  };
  const collect = (candidates: readonly Digest[], drop: (digest: Digest) => void = remove): number => {
    const blobs = candidates.flatMap((digest) => rows.find(digest) ?? []).map(storedBlob);
    const unused = deps.db.tx(() => blobs.filter(({ digest }) => rows.removeUnused(digest)));
    for (const { digest } of unused) drop(digest);
    return sumOf(unused);
  };
  const list = (): StoredBlob[] => rows.list().map(storedBlob);
  const strays = (): string[] => {
    const known = new Set(list().map(({ digest }) => splitDigest(digest).hex));
    return [
      // What an earlier pull had of a blob waits for the next one.
      ...readdirSync(ingestDir).flatMap((name) => (isPartial(name) ? [] : [join(ingestDir, name)])),
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
    if (digest !== undefined) partials.sweep();
    const own = digest === undefined ? undefined : partials.take(digest);
    if (own !== undefined) {
      using undo = new DisposableStack();
      undo.defer(own.release);
      const ingest = openIngest({ path: own.path, pathOf, record, isResumable: true, onClose: own.release }, 'kept');
      undo.move();
      return ingest;
    }
    const path = join(ingestDir, Buffer.from(deps.random(16)).toString('hex'));
    arriving.add(path);
    return openIngest({ path, pathOf, record, isResumable: false, onClose: () => void arriving.delete(path) });
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
    partialBytes: partials.bytes,
    dropPartials: partials.drop,
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
      partials.sweep();
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
    return sumOf(unused);
  });
}

function sumOf(files: readonly { readonly sizeBytes: number }[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function storedBlob({ digest, size }: BlobRow): StoredBlob {
  return { digest: parseDigest(digest), sizeBytes: size };
}
