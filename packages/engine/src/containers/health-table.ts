import type { Db } from '../db/index.ts';
import type { Health, ProbeResult } from './types.ts';

const schema = `
CREATE TABLE IF NOT EXISTS health (
  container_id   TEXT PRIMARY KEY,
  status         TEXT NOT NULL CHECK (status IN ('starting', 'healthy', 'unhealthy')),
  failing_streak INTEGER NOT NULL,
  log            TEXT NOT NULL       -- JSON list of results, times in Unix milliseconds
) STRICT;
`;

type HealthRow = { status: Health['status']; failing_streak: number; log: string };
type StoredResult = Omit<ProbeResult, 'startedAt' | 'finishedAt'> & { startedAt: number; finishedAt: number };

/** The rows of containers that have a healthcheck. One life: `put` at each start and after each probe, `drop` with the container. */
export type HealthTable = {
  find(containerId: string): Health | undefined;
  put(containerId: string, health: Health): void;
  drop(containerId: string): void;
  /** Counts a probe that has ended. */
  count(failed: boolean): void;
  /** Probes since this engine was opened. */
  counts(): { readonly run: number; readonly failed: number };
};

export function openHealthTable(db: Db): HealthTable {
  db.define(schema);
  const one = db.prepare<HealthRow>('SELECT status, failing_streak, log FROM health WHERE container_id = ?');
  const put = db.prepare<never>('INSERT OR REPLACE INTO health VALUES (?, ?, ?, ?)');
  const drop = db.prepare<never>('DELETE FROM health WHERE container_id = ?');
  let [run, failures] = [0, 0];
  return {
    find: (containerId) => {
      const row = one.get(containerId);
      return row === null ? undefined : parseRow(row);
    },
    put: (containerId, { status, failingStreak, log }) => {
      put.run(containerId, status, failingStreak, JSON.stringify(log.map(storedResult)));
    },
    drop: (containerId) => {
      drop.run(containerId);
    },
    count: (failed) => {
      run++;
      if (failed) failures++;
    },
    counts: () => ({ run, failed: failures }),
  };
}

function storedResult(result: ProbeResult): StoredResult {
  return { ...result, startedAt: result.startedAt.getTime(), finishedAt: result.finishedAt.getTime() };
}

/** The row was written by `put`, so its JSON is trusted. */
function parseRow({ status, failing_streak, log }: HealthRow): Health {
  const results = JSON.parse(log) as StoredResult[];
  return {
    status,
    failingStreak: failing_streak,
    log: results.map((result) => ({
      ...result,
      startedAt: new Date(result.startedAt),
      finishedAt: new Date(result.finishedAt),
    })),
  };
}
