import type { DiffId } from '@gantry/oci';
import type { Db } from '../db/index.ts';

const schema = `
CREATE TABLE IF NOT EXISTS layer_tar (
  diff_id TEXT PRIMARY KEY,
  size    INTEGER NOT NULL             -- bytes of the tar, which a header must know before the first of them
) STRICT, WITHOUT ROWID;
`;

/** How large layers are when nothing packs them. A number is true for ever, so a row outlives its layer. */
export type TarSizes = {
  find(diffId: DiffId): number | undefined;
  keep(diffId: DiffId, sizeBytes: number): void;
};

export function openTarSizes(db: Db): TarSizes {
  db.define(schema);
  const find = db.prepare<{ size: number }>('SELECT size FROM layer_tar WHERE diff_id = ?');
  const keep = db.prepare('INSERT INTO layer_tar (diff_id, size) VALUES (?, ?) ON CONFLICT DO NOTHING');
  return {
    find: (diffId) => find.get(diffId)?.size,
    keep: (diffId, sizeBytes) => {
      keep.run(diffId, sizeBytes);
    },
  };
}
