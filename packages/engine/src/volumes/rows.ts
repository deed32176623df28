import type { Db } from '../db/index.ts';
import type { VolumeRecord } from './types.ts';

const schema = `
CREATE TABLE IF NOT EXISTS volume (
  name      TEXT PRIMARY KEY,
  driver    TEXT NOT NULL,
  created   INTEGER NOT NULL,        -- Unix milliseconds
  labels    TEXT NOT NULL,           -- JSON object of texts
  options   TEXT NOT NULL,           -- JSON object of texts
  anonymous INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS volume_holder (
  container TEXT NOT NULL,
  volume    TEXT NOT NULL REFERENCES volume (name) ON DELETE RESTRICT,
  PRIMARY KEY (container, volume)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS volume_holder_by_volume ON volume_holder (volume);
`;

type VolumeRow = {
  readonly name: string;
  readonly driver: string;
  readonly created: number;
  readonly labels: string;
  readonly options: string;
  readonly anonymous: number;
};

/** What a row holds: the mountpoint follows from the name. */
export type StoredVolume = Omit<VolumeRecord, 'mountpoint'>;

export type VolumeRows = {
  find(name: string): StoredVolume | undefined;
  list(): readonly StoredVolume[];
  insert(volume: StoredVolume): void;
  delete(name: string): void;
  hold(name: string, containerId: string): void;
  release(containerId: string): void;
  holders(name: string): readonly string[];
};

export function openVolumeRows(db: Db): VolumeRows {
  db.define(schema);
  const sql = {
    find: db.prepare<VolumeRow>('SELECT * FROM volume WHERE name = ?'),
    list: db.prepare<VolumeRow>('SELECT * FROM volume ORDER BY name'),
    insert: db.prepare<never>('INSERT INTO volume VALUES (?, ?, ?, ?, ?, ?)'),
    delete: db.prepare<never>('DELETE FROM volume WHERE name = ?'),
    hold: db.prepare<never>('INSERT OR IGNORE INTO volume_holder VALUES (?, ?)'),
    release: db.prepare<never>('DELETE FROM volume_holder WHERE container = ?'),
    holders: db.prepare<{ container: string }>('SELECT container FROM volume_holder WHERE volume = ?'),
  };
  return {
    find: (name) => {
      const row = sql.find.get(name);
      return row === null ? undefined : parseVolume(row);
    },
    list: () => sql.list.all().map(parseVolume),
    insert: ({ name, driver, createdAt, labels, options, anonymous }) => {
      const json = [JSON.stringify(labels), JSON.stringify(options)];
      sql.insert.run(name, driver, createdAt.getTime(), ...json, anonymous ? 1 : 0);
    },
    delete: (name) => {
      sql.delete.run(name);
    },
    hold: (name, containerId) => {
      sql.hold.run(containerId, name);
    },
    release: (containerId) => {
      sql.release.run(containerId);
    },
    holders: (name) => sql.holders.all(name).map((row) => row.container),
  };
}

function parseVolume(row: VolumeRow): StoredVolume {
  return {
    name: row.name,
    driver: row.driver,
    createdAt: new Date(row.created),
    labels: JSON.parse(row.labels) as Record<string, string>,
    options: JSON.parse(row.options) as Record<string, string>,
    anonymous: row.anonymous === 1,
  };
}
