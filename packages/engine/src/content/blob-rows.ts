import { type Digest, parseDigest } from '@gantry/oci';
import type { Db } from '../db/index.ts';

const schema = `
CREATE TABLE IF NOT EXISTS blob (
  digest  TEXT PRIMARY KEY,
  size    INTEGER NOT NULL,            -- bytes
  created INTEGER NOT NULL             -- Unix milliseconds
) STRICT;
CREATE TABLE IF NOT EXISTS blob_use (
  digest  TEXT NOT NULL,               -- perhaps not there yet
  user    TEXT NOT NULL,               -- 'image:<id>' or 'job:<id>'
  PRIMARY KEY (user, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS blob_use_digest ON blob_use (digest);
`;

export type BlobRow = { readonly digest: string; readonly size: number; readonly created: number };

export type BlobRows = {
  find(digest: Digest): BlobRow | undefined;
  list(): readonly BlobRow[];
  users(): readonly string[];
  usersOf(digest: Digest): readonly string[];
  add(row: BlobRow): void;
  hold(digest: Digest, user: string): void;
  heldBy(user: string): readonly Digest[];
  /** @returns what the user held */
  release(user: string): readonly Digest[];
  /** @returns false when somebody still uses it */
  removeUnused(digest: Digest): boolean;
  /** Whoever uses it. */
  remove(digest: Digest): void;
};

/** The tables of this room and the statements on them. */
export function openBlobRows(db: Db): BlobRows {
  db.define(schema);
  const find = db.prepare<BlobRow>('SELECT digest, size, created FROM blob WHERE digest = ?');
  const list = db.prepare<BlobRow>('SELECT digest, size, created FROM blob ORDER BY digest');
  const usersOf = db.prepare<{ user: string }>('SELECT user FROM blob_use WHERE digest = ?');
  const users = db.prepare<{ user: string }>('SELECT DISTINCT user FROM blob_use');
  const insert = db.prepare('INSERT INTO blob (digest, size, created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING');
  const hold = db.prepare('INSERT INTO blob_use (digest, user) VALUES (?, ?) ON CONFLICT DO NOTHING');
  const held = db.prepare<{ digest: string }>('SELECT digest FROM blob_use WHERE user = ?');
  const release = db.prepare('DELETE FROM blob_use WHERE user = ?');
  const remove = db.prepare('DELETE FROM blob WHERE digest = ?');
  const removeUnused = db.prepare(
    'DELETE FROM blob WHERE digest = ?1 AND NOT EXISTS (SELECT 1 FROM blob_use WHERE digest = ?1)',
  );
  const heldBy = (user: string): Digest[] => held.all(user).map((row) => parseDigest(row.digest));
  return {
    heldBy,
    find: (digest) => find.get(digest) ?? undefined,
    list: () => list.all(),
    usersOf: (digest) => usersOf.all(digest).map((row) => row.user),
    users: () => users.all().map((row) => row.user),
    add: ({ digest, size, created }) => {
      insert.run(digest, size, created);
    },
    hold: (digest, user) => {
      hold.run(digest, user);
    },
    release: (user) =>
      db.tx(() => {
        const digests = heldBy(user);
        release.run(user);
        return digests;
      }),
    removeUnused: (digest) => removeUnused.run(digest).changes > 0,
    remove: (digest) => {
      remove.run(digest);
    },
  };
}
