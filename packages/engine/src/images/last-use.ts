import type { Db } from '../db/index.ts';

const schema = `
CREATE TABLE IF NOT EXISTS image_use (
  image_id TEXT PRIMARY KEY REFERENCES image (id) ON DELETE CASCADE,
  used     INTEGER NOT NULL            -- Unix milliseconds
) STRICT, WITHOUT ROWID;
`;

/** When each image was last of use: stored, tagged, pushed, saved, or a container on it came or went. */
export type LastUse = {
  /** Joins the caller's transaction. Nothing happens when the image is gone. */
  mark(imageId: string, atMs: number): void;
  find(imageId: string): number | undefined;
};

export function openLastUse(db: Db): LastUse {
  db.define(schema);
  const mark = db.prepare(
    'INSERT INTO image_use (image_id, used) SELECT id, ?2 FROM image WHERE id = ?1 ON CONFLICT (image_id) DO UPDATE SET used = ?2',
  );
  const find = db.prepare<{ used: number }>('SELECT used FROM image_use WHERE image_id = ?');
  return {
    mark: (imageId, atMs) => {
      mark.run(imageId, atMs);
    },
    find: (imageId) => find.get(imageId)?.used,
  };
}
