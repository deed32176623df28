import { type DiffId, type Digest, parseDiffId, parseDigest } from '@gantry/oci';
import type { Db } from '../db/index.ts';
import { openIndexRows } from './index-rows.ts';

const schema = `
CREATE TABLE IF NOT EXISTS image (
  id          TEXT PRIMARY KEY,        -- sha256:… of the config
  config      BLOB NOT NULL,           -- the config's bytes as they came
  chain_id    TEXT NOT NULL,           -- of the whole stack; '' without layers
  stored      INTEGER NOT NULL,        -- Unix milliseconds
  last_tagged INTEGER                  -- Unix milliseconds
) STRICT;
CREATE TABLE IF NOT EXISTS image_reference (
  reference    TEXT PRIMARY KEY,       -- familiar form: 'busybox:latest', 'busybox@sha256:…'
  image_id     TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE,
  index_digest TEXT                    -- what the name means; then image_id is the best of those that are here
) STRICT;
CREATE INDEX IF NOT EXISTS image_reference_image ON image_reference (image_id);
CREATE INDEX IF NOT EXISTS image_reference_index ON image_reference (index_digest);
CREATE TABLE IF NOT EXISTS image_manifest (
  digest     TEXT NOT NULL,
  image_id   TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE,
  media_type TEXT NOT NULL,
  bytes      BLOB NOT NULL,            -- what a push sends again
  PRIMARY KEY (image_id, digest)
) STRICT;
CREATE INDEX IF NOT EXISTS image_manifest_digest ON image_manifest (digest);
CREATE TABLE IF NOT EXISTS image_layer (
  image_id TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE,
  diff_id  TEXT NOT NULL,
  digest   TEXT NOT NULL,              -- of a blob that unpacks to it: kept here, or gzip that a push made and sent
  size     INTEGER NOT NULL,           -- bytes of that blob
  PRIMARY KEY (image_id, diff_id, digest)
) STRICT;
CREATE INDEX IF NOT EXISTS image_layer_diff_id ON image_layer (diff_id);
CREATE TABLE IF NOT EXISTS image_origin (
  image_id   TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE,
  digest     TEXT NOT NULL,            -- of a blob
  repository TEXT NOT NULL,            -- 'docker.io/library/busybox': it came from there or went there
  PRIMARY KEY (image_id, digest, repository)
) STRICT;
CREATE INDEX IF NOT EXISTS image_origin_digest ON image_origin (digest);
`;

export type ImageRow = {
  readonly id: string;
  readonly config: Uint8Array;
  readonly chain_id: string;
  readonly stored: number;
  readonly last_tagged: number | null;
};
export type ManifestRow = { readonly digest: string; readonly media_type: string; readonly bytes: Uint8Array };

/** What a name means. */
export type Named = {
  readonly imageId: string;
  /** The index that it means, of which the image is the best for this machine that is here. */
  readonly indexDigest: string | undefined;
};

/** A blob that unpacks to a layer. */
export type LayerBlob = { readonly diffId: DiffId; readonly digest: Digest; readonly sizeBytes: number };

export type ImageRows = ReturnType<typeof openImageRows>;

/** The tables of this room and the statements on them. */
export function openImageRows(db: Db) {
  db.define(schema);
  const indexes = openIndexRows(db);
  const columns = 'id, config, chain_id, stored, last_tagged';
  const find = db.prepare<ImageRow>(`SELECT ${columns} FROM image WHERE id = ?`);
  const list = db.prepare<ImageRow>(`SELECT ${columns} FROM image ORDER BY stored DESC, id`);
  const matching = db.prepare<{ id: string }>("SELECT id FROM image WHERE id LIKE ? || '%' LIMIT 2");
  const ids = db.prepare<{ id: string }>('SELECT id FROM image');
  const insert = db.prepare(`INSERT INTO image (${columns}) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`);
  const tagged = db.prepare('UPDATE image SET last_tagged = ? WHERE id = ?');
  const remove = db.prepare('DELETE FROM image WHERE id = ?');
  const findReference = db.prepare<{ image_id: string; index_digest: string | null }>(
    'SELECT image_id, index_digest FROM image_reference WHERE reference = ?',
  );
  const references = db.prepare<{ reference: string }>(
    'SELECT reference FROM image_reference WHERE image_id = ? ORDER BY reference',
  );
  const allReferences = db.prepare<{ reference: string; image_id: string }>(
    'SELECT reference, image_id FROM image_reference',
  );
  const setReference = db.prepare(
    `INSERT INTO image_reference (reference, image_id, index_digest) VALUES (?1, ?2, ?3)
     ON CONFLICT (reference) DO UPDATE SET image_id = ?2, index_digest = ?3`,
  );
  const setBest = db.prepare('UPDATE image_reference SET image_id = ? WHERE index_digest = ?');
  const removeReference = db.prepare('DELETE FROM image_reference WHERE reference = ?');
  const addManifest = db.prepare(
    'INSERT INTO image_manifest (digest, image_id, media_type, bytes) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const manifests = db.prepare<ManifestRow>(
    'SELECT digest, media_type, bytes FROM image_manifest WHERE image_id = ? ORDER BY rowid',
  );
  const addLayer = db.prepare(
    'INSERT INTO image_layer (image_id, diff_id, digest, size) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const layerBlobs = db.prepare<{ diff_id: string; digest: string; size: number }>(
    'SELECT DISTINCT diff_id, digest, size FROM image_layer WHERE diff_id = ?',
  );
  const addOrigin = db.prepare(
    'INSERT INTO image_origin (image_id, digest, repository) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const origins = db.prepare<{ repository: string }>('SELECT DISTINCT repository FROM image_origin WHERE digest = ?');
  const withOrigin = db.prepare<{ image_id: string }>(
    'SELECT DISTINCT image_id FROM image_origin WHERE repository = ?',
  );
  return {
    ...indexes,
    find: (id: string): ImageRow | undefined => find.get(id) ?? undefined,
    list: (): readonly ImageRow[] => list.all(),
    ids: (): readonly string[] => ids.all().map((row) => row.id),
    /** @returns at most two IDs: more than one means ambiguous. `prefix` is hexadecimal, so no pattern is in it. */
    startingWith: (prefix: string): readonly string[] => matching.all(`sha256:${prefix}`).map((row) => row.id),
    insert: (row: ImageRow): boolean =>
      insert.run(row.id, row.config, row.chain_id, row.stored, row.last_tagged).changes > 0,
    markTagged: (id: string, atMs: number): void => {
      tagged.run(atMs, id);
    },
    remove: (id: string): void => {
      remove.run(id);
    },
    findReference: (reference: string): Named | undefined => {
      const row = findReference.get(reference);
      return row === null ? undefined : { imageId: row.image_id, indexDigest: row.index_digest ?? undefined };
    },
    /** The names that mean this image first. */
    references: (id: string): readonly string[] => references.all(id).map((row) => row.reference),
    allReferences: (): readonly { reference: string; image_id: string }[] => allReferences.all(),
    setReference: (reference: string, { imageId, indexDigest }: Named): void => {
      setReference.run(reference, imageId, indexDigest ?? null);
    },
    /** Says which image of an index its names mean first. */
    setBest: (indexDigest: string, id: string): void => {
      setBest.run(id, indexDigest);
    },
    removeReference: (reference: string): void => {
      removeReference.run(reference);
    },
    addManifest: (id: string, manifest: ManifestRow): void => {
      addManifest.run(manifest.digest, id, manifest.media_type, manifest.bytes);
    },
    /** In the order they came. */
    manifests: (id: string): readonly ManifestRow[] => manifests.all(id),
    addLayer: (id: string, { diffId, digest, sizeBytes }: LayerBlob): void => {
      addLayer.run(id, diffId, digest, sizeBytes);
    },
    /** All blobs that are known to unpack to a layer, whichever image brought them. */
    layerBlobs: (diffId: DiffId): readonly LayerBlob[] =>
      layerBlobs.all(diffId).map(({ diff_id, digest, size }) => ({
        diffId: parseDiffId(diff_id),
        digest: parseDigest(digest),
        sizeBytes: size,
      })),
    addOrigin: (id: string, digest: Digest, repository: string): void => {
      addOrigin.run(id, digest, repository);
    },
    /** Images of which a repository had some blob. */
    withOrigin: (repository: string): readonly string[] => withOrigin.all(repository).map((row) => row.image_id),
    /** Repositories that had a blob. */
    origins: (digest: Digest): readonly string[] => origins.all(digest).map(({ repository }) => repository),
  };
}

/** The image that is here under the digest of a manifest, with that manifest. */
export function findMember(
  rows: Pick<ImageRows, 'find' | 'manifests' | 'withManifest'>,
  digest: Digest,
): { readonly image: ImageRow; readonly row: ManifestRow } | undefined {
  const id = rows.withManifest(digest);
  const image = id === undefined ? undefined : rows.find(id);
  const row = image === undefined ? undefined : rows.manifests(image.id).find((one) => one.digest === digest);
  return image === undefined || row === undefined ? undefined : { image, row };
}
