import type { Db } from '../db/index.ts';
import type { DriverName } from './drivers/driver.ts';

const schema = `
CREATE TABLE IF NOT EXISTS snapshot (
  chain_id TEXT PRIMARY KEY,
  parent   TEXT,                       -- chain ID below; NULL for the lowest layer
  dir      TEXT NOT NULL UNIQUE,       -- short name of its directory
  diff_id  TEXT NOT NULL,
  size     INTEGER NOT NULL,           -- bytes of this layer alone
  tree     INTEGER NOT NULL,           -- bytes of all files in its directory
  unsettled TEXT NOT NULL,             -- JSON: what its tree says of the layers below; '' once they were there
  created  INTEGER NOT NULL            -- Unix milliseconds
) STRICT;
CREATE INDEX IF NOT EXISTS snapshot_parent ON snapshot (parent);
CREATE TABLE IF NOT EXISTS snapshot_use (
  chain_id TEXT NOT NULL,
  user     TEXT NOT NULL,              -- 'image:<id>', 'job:<id>' or 'container:<id>'
  PRIMARY KEY (user, chain_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS snapshot_use_chain ON snapshot_use (chain_id);
CREATE TABLE IF NOT EXISTS snapshot_driver (
  id   INTEGER PRIMARY KEY CHECK (id = 1),
  name TEXT NOT NULL                   -- which driver made the directories
) STRICT;
CREATE TABLE IF NOT EXISTS active_snapshot (
  container_id TEXT PRIMARY KEY,
  chain_id     TEXT NOT NULL,          -- '' over nothing
  dir          TEXT NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;
`;

export type SnapshotRow = {
  readonly chain_id: string;
  readonly parent: string | null;
  readonly dir: string;
  readonly diff_id: string;
  readonly size: number;
  readonly tree: number;
  readonly unsettled: string;
  readonly created: number;
};
export type ActiveRow = { readonly container_id: string; readonly chain_id: string; readonly dir: string };

export type SnapshotRows = ReturnType<typeof openSnapshotRows>;

/** The tables of this room and the statements on them. */
export function openSnapshotRows(db: Db) {
  db.define(schema);
  const columns = 'chain_id, parent, dir, diff_id, size, tree, unsettled, created';
  const find = db.prepare<SnapshotRow>(`SELECT ${columns} FROM snapshot WHERE chain_id = ?`);
  const list = db.prepare<SnapshotRow>(`SELECT ${columns} FROM snapshot`);
  const insert = db.prepare(`INSERT INTO snapshot (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`);
  const settled = db.prepare("UPDATE snapshot SET unsettled = '', dir = ?, tree = ? WHERE chain_id = ?");
  const remove = db.prepare('DELETE FROM snapshot WHERE chain_id = ?');
  const above = db.prepare<{ chain_id: string }>('SELECT chain_id FROM snapshot WHERE parent = ?');
  const hold = db.prepare('INSERT INTO snapshot_use (chain_id, user) VALUES (?, ?) ON CONFLICT DO NOTHING');
  const held = db.prepare<{ chain_id: string }>('SELECT chain_id FROM snapshot_use WHERE user = ?');
  const release = db.prepare('DELETE FROM snapshot_use WHERE user = ?');
  const users = db.prepare<{ user: string }>('SELECT DISTINCT user FROM snapshot_use');
  const usersOf = db.prepare<{ user: string }>('SELECT user FROM snapshot_use WHERE chain_id = ? LIMIT ?');
  const findActive = db.prepare<ActiveRow>(
    'SELECT container_id, chain_id, dir FROM active_snapshot WHERE container_id = ?',
  );
  const listActive = db.prepare<ActiveRow>('SELECT container_id, chain_id, dir FROM active_snapshot');
  const insertActive = db.prepare('INSERT INTO active_snapshot (container_id, chain_id, dir) VALUES (?, ?, ?)');
  const findDriver = db.prepare<{ name: DriverName }>('SELECT name FROM snapshot_driver');
  const setDriver = db.prepare(
    'INSERT INTO snapshot_driver (id, name) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET name = ?1',
  );
  const any = db.prepare<{ any: number }>(
    'SELECT EXISTS (SELECT 1 FROM snapshot UNION ALL SELECT 1 FROM active_snapshot) AS any',
  );
  const removeActive = db.prepare('DELETE FROM active_snapshot WHERE container_id = ?');
  return {
    find: (chainId: string): SnapshotRow | undefined => find.get(chainId) ?? undefined,
    list: (): readonly SnapshotRow[] => list.all(),
    insert: (row: SnapshotRow): void => {
      const { chain_id, parent, dir, diff_id, size, tree, unsettled, created } = row;
      insert.run(chain_id, parent, dir, diff_id, size, tree, unsettled, created);
    },
    markSettled: ({ chain_id, dir, tree }: Pick<SnapshotRow, 'chain_id' | 'dir' | 'tree'>): void => {
      settled.run(dir, tree, chain_id);
    },
    remove: (chainId: string): void => {
      remove.run(chainId);
    },
    /** The layers that stand directly on it. */
    layersOn: (chainId: string): readonly string[] => above.all(chainId).map((row) => row.chain_id),
    /** Who holds it, at most so many. */
    usersOf: (chainId: string, most: number): readonly string[] => usersOf.all(chainId, most).map((row) => row.user),
    heldBy: (user: string): readonly string[] => held.all(user).map((row) => row.chain_id),
    hold: (chainId: string, user: string): void => {
      hold.run(chainId, user);
    },
    /** @returns what the user held */
    release: (user: string): readonly string[] => {
      const chains = held.all(user).map((row) => row.chain_id);
      release.run(user);
      return chains;
    },
    users: (): readonly string[] => users.all().map((row) => row.user),
    findActive: (containerId: string): ActiveRow | undefined => findActive.get(containerId) ?? undefined,
    listActive: (): readonly ActiveRow[] => listActive.all(),
    insertActive: (row: ActiveRow): void => {
      insertActive.run(row.container_id, row.chain_id, row.dir);
    },
    /** The driver that made what is there; undefined when nothing is. */
    presentDriver: (): DriverName | undefined => (any.get()?.any === 1 ? findDriver.get()?.name : undefined),
    setDriver: (name: DriverName): void => {
      setDriver.run(name);
    },
    removeActive: (containerId: string): void => {
      removeActive.run(containerId);
    },
  };
}
