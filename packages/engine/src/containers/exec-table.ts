import { EngineError } from '@gantry/base';
import type { Db } from '../db/index.ts';
import type { ExecRecord, ExecRequest } from '../engine.ts';

const schema = `
CREATE TABLE IF NOT EXISTS exec (
  id           TEXT PRIMARY KEY,
  container_id TEXT NOT NULL,
  request      TEXT NOT NULL,      -- JSON ExecRequest
  state        TEXT NOT NULL CHECK (state IN ('created', 'running', 'ended')),
  pid          INTEGER NOT NULL,   -- 0 until it ran
  exit_code    INTEGER,            -- NULL until it ended
  changed      INTEGER NOT NULL    -- Unix milliseconds
) STRICT;
CREATE INDEX IF NOT EXISTS exec_of_container ON exec (container_id);
`;

/** An ended exec can be inspected for this long; clients ask right after its end. */
const keptAfterEndMs = 10 * 60_000;

type ExecRow = {
  id: string;
  container_id: string;
  request: string;
  state: 'created' | 'running' | 'ended';
  pid: number;
  exit_code: number | null;
};

/** The rows of execs. One life: `insert`, `running`, `ended`; `forget` with the container. */
export type ExecTable = {
  insert(exec: { id: string; containerId: string; request: ExecRequest }): void;
  /** @throws not-found with Docker's text */
  get(id: string): ExecRecord;
  running(id: string, pid: number): void;
  ended(id: string, exitCode: number): void;
  /** Those of a container that have not ended. */
  openOf(containerId: string): readonly ExecRecord[];
  listRunning(): readonly ExecRecord[];
  forget(containerId: string): void;
};

export function openExecTable(db: Db, now: () => Date): ExecTable {
  db.define(schema);
  const insert = db.prepare<never>("INSERT INTO exec VALUES (?, ?, ?, 'created', 0, NULL, ?)");
  const dropOld = db.prepare<never>("DELETE FROM exec WHERE state = 'ended' AND changed < ?");
  const byId = db.prepare<ExecRow>('SELECT * FROM exec WHERE id = ?');
  const setRunning = db.prepare<never>("UPDATE exec SET state = 'running', pid = ?, changed = ? WHERE id = ?");
  const setEnded = db.prepare<never>("UPDATE exec SET state = 'ended', exit_code = ?, changed = ? WHERE id = ?");
  const open = db.prepare<ExecRow>("SELECT * FROM exec WHERE container_id = ? AND state <> 'ended'");
  const allRunning = db.prepare<ExecRow>("SELECT * FROM exec WHERE state = 'running'");
  const drop = db.prepare<never>('DELETE FROM exec WHERE container_id = ?');
  return {
    insert: ({ id, containerId, request }) => {
      const time = now().getTime();
      dropOld.run(time - keptAfterEndMs);
      insert.run(id, containerId, JSON.stringify(request), time);
    },
    get: (id) => {
      const row = byId.get(id);
      if (row === null) throw new EngineError('not-found', `No such exec instance: ${id}`);
      return parseRow(row);
    },
    running: (id, pid) => {
      setRunning.run(pid, now().getTime(), id);
    },
    ended: (id, exitCode) => {
      setEnded.run(exitCode, now().getTime(), id);
    },
    openOf: (containerId) => open.all(containerId).map(parseRow),
    listRunning: () => allRunning.all().map(parseRow),
    forget: (containerId) => {
      drop.run(containerId);
    },
  };
}

function parseRow(row: ExecRow): ExecRecord {
  return {
    id: row.id,
    containerId: row.container_id,
    request: JSON.parse(row.request) as ExecRequest,
    running: row.state === 'running',
    exitCode: row.exit_code ?? undefined,
    pid: row.pid,
    canRemove: false,
  };
}
