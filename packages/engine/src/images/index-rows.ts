import type { Digest } from '@gantry/oci';
import type { Db } from '../db/index.ts';
import type { ManifestRow } from './rows.ts';

const schema = `
CREATE TABLE IF NOT EXISTS image_index (
  digest     TEXT PRIMARY KEY,
  media_type TEXT NOT NULL,
  bytes      BLOB NOT NULL             -- as it came: a push sends it again
) STRICT;
CREATE TABLE IF NOT EXISTS image_index_entry (
  index_digest TEXT NOT NULL REFERENCES image_index (digest) ON DELETE CASCADE,
  position     INTEGER NOT NULL,
  digest       TEXT NOT NULL,          -- of a manifest, which may be here or not
  PRIMARY KEY (index_digest, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS image_index_entry_digest ON image_index_entry (digest);
CREATE TABLE IF NOT EXISTS image_companion (
  image_id   TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE,
  digest     TEXT NOT NULL,            -- of a manifest that is no image: what was attested of this one, say
  media_type TEXT NOT NULL,
  bytes      BLOB NOT NULL,
  PRIMARY KEY (image_id, digest)
) STRICT;
CREATE INDEX IF NOT EXISTS image_companion_digest ON image_companion (digest);
`;

/** How an image stands to indexes. */
export type Relations = {
  /** IDs of the other images that its names mean too: other platforms. */
  readonly siblings: readonly string[];
  /** Names that mean another image first, and this one for its platform. */
  readonly namesByIndex: readonly string[];
  /** What the first of its names means that means an index. */
  readonly index: TargetRow | undefined;
  /** What it came with. */
  readonly manifest: TargetRow | undefined;
};

export type TargetRow = { readonly digest: string; readonly media_type: string; readonly size: number };

const joined = `
  FROM image_reference JOIN image_index_entry USING (index_digest)
  JOIN image_manifest ON image_manifest.digest = image_index_entry.digest`;

/** The tables of indexes: which manifests one name means, and what came with them. Those of images must be there already. */
export function openIndexRows(db: Db) {
  db.define(schema);
  const find = db.prepare<ManifestRow>('SELECT digest, media_type, bytes FROM image_index WHERE digest = ?');
  const add = db.prepare('INSERT INTO image_index (digest, media_type, bytes) VALUES (?, ?, ?) ON CONFLICT DO NOTHING');
  const addEntry = db.prepare(
    'INSERT INTO image_index_entry (index_digest, position, digest) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const sweep = db.prepare(
    'DELETE FROM image_index WHERE digest NOT IN (SELECT index_digest FROM image_reference WHERE index_digest IS NOT NULL)',
  );
  const naming = db.prepare<{ index_digest: string }>(
    'SELECT DISTINCT index_digest FROM image_index_entry WHERE digest = ?',
  );
  const members = db.prepare<{ image_id: string }>(
    `SELECT image_id FROM image_index_entry JOIN image_manifest USING (digest)
     WHERE index_digest = ? GROUP BY image_id ORDER BY MIN(position)`,
  );
  const siblings = db.prepare<{ image_id: string }>(
    `SELECT DISTINCT image_manifest.image_id ${joined} WHERE image_reference.image_id = ?1 AND image_manifest.image_id <> ?1`,
  );
  const namesByIndex = db.prepare<{ reference: string }>(
    `SELECT DISTINCT reference ${joined} WHERE image_manifest.image_id = ?1 AND image_reference.image_id <> ?1 ORDER BY reference`,
  );
  const withManifest = db.prepare<{ image_id: string }>('SELECT image_id FROM image_manifest WHERE digest = ? LIMIT 1');
  const manifestStarting = db.prepare<{ image_id: string }>(
    "SELECT DISTINCT image_id FROM image_manifest WHERE digest LIKE ? || '%' LIMIT 2",
  );
  const targetManifest = db.prepare<TargetRow>(
    'SELECT digest, media_type, length(bytes) AS size FROM image_manifest WHERE image_id = ? ORDER BY rowid LIMIT 1',
  );
  const targetIndex = db.prepare<TargetRow>(
    `SELECT digest, media_type, length(bytes) AS size FROM image_reference JOIN image_index ON digest = index_digest
     WHERE image_id = ? ORDER BY reference LIMIT 1`,
  );
  const everyMember = db.prepare<{ reference: string; first: string; member: string }>(
    `SELECT reference, image_reference.image_id AS first, image_manifest.image_id AS member ${joined} ORDER BY reference`,
  );
  // SQLite gives the other columns of the row that has the minimum.
  const everyManifest = db.prepare<TargetRow & { image_id: string }>(
    'SELECT image_id, digest, media_type, length(bytes) AS size, MIN(rowid) FROM image_manifest GROUP BY image_id',
  );
  const everyIndex = db.prepare<TargetRow & { image_id: string }>(
    `SELECT image_id, digest, media_type, length(bytes) AS size, MIN(reference)
     FROM image_reference JOIN image_index ON digest = index_digest GROUP BY image_id`,
  );
  const addCompanion = db.prepare(
    'INSERT INTO image_companion (digest, image_id, media_type, bytes) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const companion = db.prepare<ManifestRow>(
    'SELECT digest, media_type, bytes FROM image_companion WHERE digest = ? LIMIT 1',
  );
  return {
    findIndex: (digest: string): ManifestRow | undefined => find.get(digest) ?? undefined,
    /** @param entries digests of its manifests, in its order */
    addIndex: ({ digest, media_type, bytes }: ManifestRow, entries: readonly Digest[]): void => {
      add.run(digest, media_type, bytes);
      for (const [position, entry] of entries.entries()) addEntry.run(digest, position, entry);
    },
    /** Drops indexes that no name means any more. */
    sweepIndexes: (): void => {
      sweep.run();
    },
    /** Indexes that name a manifest. */
    indexesNaming: (digest: string): readonly string[] => naming.all(digest).map((row) => row.index_digest),
    /** IDs of the images of an index that are here, in its order. */
    members: (indexDigest: string): readonly string[] => members.all(indexDigest).map((row) => row.image_id),
    /** The other images that the names of this one mean too: other platforms. */
    siblings: (id: string): readonly string[] => siblings.all(id).map((row) => row.image_id),
    relationsOf: (id: string): Relations => ({
      siblings: siblings.all(id).map((row) => row.image_id),
      namesByIndex: namesByIndex.all(id).map((row) => row.reference),
      index: targetIndex.get(id) ?? undefined,
      manifest: targetManifest.get(id) ?? undefined,
    }),
    /** The relations of all images, asked at once. */
    allRelations: (): ((id: string) => Relations) => {
      const others = everyMember.all().filter(({ first, member }) => first !== member);
      const byFirst = Map.groupBy(others, ({ first }) => first);
      const byMember = Map.groupBy(others, ({ member }) => member);
      const manifests = new Map(everyManifest.all().map((row) => [row.image_id, row]));
      const indexes = new Map(everyIndex.all().map((row) => [row.image_id, row]));
      return (id) => ({
        siblings: [...new Set((byFirst.get(id) ?? []).map(({ member }) => member))],
        namesByIndex: [...new Set((byMember.get(id) ?? []).map(({ reference }) => reference))],
        index: indexes.get(id),
        manifest: manifests.get(id),
      });
    },
    /** The ID of an image that is here under the digest of a manifest. */
    withManifest: (digest: string): string | undefined => withManifest.get(digest)?.image_id,
    /** @returns at most two IDs of images, by the beginning of a manifest's digest */
    ofManifest: (hex: string): readonly string[] => manifestStarting.all(`sha256:${hex}`).map((row) => row.image_id),
    /** Names that mean another image first, and this one for its platform. */
    namesByIndex: (id: string): readonly string[] => namesByIndex.all(id).map((row) => row.reference),
    addCompanion: (id: string, { digest, media_type, bytes }: ManifestRow): void => {
      addCompanion.run(digest, id, media_type, bytes);
    },
    findCompanion: (digest: string): ManifestRow | undefined => companion.get(digest) ?? undefined,
  };
}
