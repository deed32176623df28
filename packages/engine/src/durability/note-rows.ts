import type { Db } from '../db/index.ts';
import type { Written } from './types.ts';

const schema = `
CREATE TABLE IF NOT EXISTS unsynced (
  seq  INTEGER PRIMARY KEY AUTOINCREMENT,  -- order of noting; a clock may be set back, this is not
  kind TEXT NOT NULL CHECK (kind IN ('layer', 'blob')),
  name TEXT NOT NULL                       -- chain ID, digest
) STRICT;
CREATE TABLE IF NOT EXISTS durable (
  id      INTEGER PRIMARY KEY CHECK (id = 1),
  boot_id TEXT NOT NULL,                   -- of the machine's run that the notes are from
  synced  INTEGER                          -- Unix milliseconds: all that was recorded before is on the disk
) STRICT;
`;

export type NoteRows = ReturnType<typeof openNoteRows>;

/** The tables of this room and the statements on them. */
export function openNoteRows(db: Db) {
  db.define(schema);
  const list = db.prepare<Written>('SELECT kind, name FROM unsynced ORDER BY seq');
  const newest = db.prepare<{ seq: number }>('SELECT coalesce(max(seq), 0) AS seq FROM unsynced');
  const count = db.prepare<{ count: number }>('SELECT count(DISTINCT kind || name) AS count FROM unsynced');
  const insert = db.prepare('INSERT INTO unsynced (kind, name) VALUES (?, ?)');
  const removeUpTo = db.prepare('DELETE FROM unsynced WHERE seq <= ?');
  const findBoot = db.prepare<{ boot_id: string; synced: number | null }>('SELECT boot_id, synced FROM durable');
  const setBoot = db.prepare(
    'INSERT INTO durable (id, boot_id) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET boot_id = ?1',
  );
  const setSynced = db.prepare('UPDATE durable SET synced = ?');
  return {
    list: (): readonly Written[] => list.all(),
    /** The number of the newest note; 0 when there is none. */
    newest: (): number => newest.get()?.seq ?? 0,
    count: (): number => count.get()?.count ?? 0,
    insert: ({ kind, name }: Written): void => {
      insert.run(kind, name);
    },
    removeUpTo: (seq: number): void => {
      removeUpTo.run(seq);
    },
    findBoot: () => findBoot.get() ?? undefined,
    setBoot: (bootId: string): void => {
      setBoot.run(bootId);
    },
    setSynced: (atMs: number): void => {
      setSynced.run(atMs);
    },
  };
}
