import type { Db } from '../db/index.ts';
import type { LogMark } from './mark.ts';

const schema = `
CREATE TABLE IF NOT EXISTS log_mark (
  container_id TEXT PRIMARY KEY,
  position     INTEGER NOT NULL,   -- of the first byte that was not sent, in its file
  before       TEXT NOT NULL       -- the bytes before it, one character each
) STRICT;
`;

/** The rows of logs that are sent away: how far each has come. One life: `put` as lines arrive, `drop` with the container. */
export type MarkTable = {
  find(containerId: string): LogMark | undefined;
  put(containerId: string, mark: LogMark): void;
  drop(containerId: string): void;
};

export function openMarkTable(db: Db): MarkTable {
  db.define(schema);
  const one = db.prepare<LogMark>('SELECT position, before FROM log_mark WHERE container_id = ?');
  const put = db.prepare<never>('INSERT OR REPLACE INTO log_mark VALUES (?, ?, ?)');
  const drop = db.prepare<never>('DELETE FROM log_mark WHERE container_id = ?');
  return {
    find: (containerId) => one.get(containerId) ?? undefined,
    put: (containerId, { position, before }) => {
      put.run(containerId, position, before);
    },
    drop: (containerId) => {
      drop.run(containerId);
    },
  };
}
