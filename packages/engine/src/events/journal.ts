import type { Db } from '../db/index.ts';
import type { EngineEvent, EventType, RunsAround } from './types.ts';

const schema = `
CREATE TABLE IF NOT EXISTS event (
  id         INTEGER PRIMARY KEY,  -- order of recording
  type       TEXT NOT NULL,
  action     TEXT NOT NULL,
  actor_id   TEXT NOT NULL,
  attributes TEXT NOT NULL,        -- JSON object of texts
  seconds    INTEGER NOT NULL,     -- Unix time; nanoseconds do not fit a JavaScript number
  nanos      INTEGER NOT NULL
) STRICT;
`;

type EventRow = {
  readonly id: number;
  readonly type: EventType;
  readonly action: string;
  readonly actor_id: string;
  readonly attributes: string;
  readonly seconds: number;
  readonly nanos: number;
};

export type StoredEvent = { readonly id: number; readonly event: EngineEvent };

/** The rows of the journal, oldest first. */
export type Journal = {
  append(event: EngineEvent): void;
  /** At most `limit` rows recorded after row `id`. */
  after(id: number, limit: number): readonly StoredEvent[];
  /** At most `limit` of the newest events of one actor with these actions, oldest first. */
  recent(actorId: string, actions: readonly string[], limit: number): readonly EngineEvent[];
  /** For each container the last start or end up to a moment, and the first one after it. */
  around(timeNanos: bigint): RunsAround;
  /** The row of the newest event; 0 when there is none. */
  newest(): number;
  /** The row before the first event at or after a moment: where reading starts. */
  before(sinceNanos: bigint): number;
  /** Drops what lies more than `rows` behind the newest or is older than a moment. */
  prune(rows: number, olderThanNanos: bigint): void;
};

const isRun = "type = 'container' AND action IN ('start', 'die')";
const nanosPerSecond = 1_000_000_000n;

export function openJournal(db: Db): Journal {
  db.define(schema);
  const sql = {
    append: db.prepare<never>(
      'INSERT INTO event (type, action, actor_id, attributes, seconds, nanos) VALUES (?, ?, ?, ?, ?, ?)',
    ),
    after: db.prepare<EventRow>('SELECT * FROM event WHERE id > ? ORDER BY id LIMIT ?'),
    recent: db.prepare<EventRow>(
      'SELECT * FROM event WHERE actor_id = ? AND action IN (SELECT value FROM json_each(?)) ORDER BY id DESC LIMIT ?',
    ),
    lastRuns: db.prepare<EventRow>(
      `SELECT * FROM event WHERE id IN (SELECT max(id) FROM event WHERE ${isRun} AND (seconds, nanos) <= (?, ?) GROUP BY actor_id)`,
    ),
    nextRuns: db.prepare<EventRow>(
      `SELECT * FROM event WHERE id IN (SELECT min(id) FROM event WHERE ${isRun} AND (seconds, nanos) > (?, ?) GROUP BY actor_id)`,
    ),
    newest: db.prepare<{ id: number }>('SELECT coalesce(max(id), 0) AS id FROM event'),
    since: db.prepare<{ id: number }>('SELECT id FROM event WHERE (seconds, nanos) >= (?, ?) ORDER BY id LIMIT 1'),
    prune: db.prepare<never>('DELETE FROM event WHERE id <= (SELECT max(id) FROM event) - ? OR seconds < ?'),
  };
  const newest = (): number => sql.newest.get()?.id ?? 0;
  return {
    newest,
    append: (event) => {
      const { seconds, nanos } = split(event.timeNanos);
      sql.append.run(event.type, event.action, event.actorId, JSON.stringify(event.attributes), seconds, nanos);
    },
    after: (id, limit) => sql.after.all(id, limit).map((row) => ({ id: row.id, event: parseEvent(row) })),
    recent: (actorId, actions, limit) =>
      sql.recent.all(actorId, JSON.stringify(actions), limit).map(parseEvent).reverse(),
    around: (timeNanos) => {
      const { seconds, nanos } = split(timeNanos);
      const before = sql.lastRuns.all(seconds, nanos).map(parseEvent);
      return { before, after: sql.nextRuns.all(seconds, nanos).map(parseEvent) };
    },
    before: (sinceNanos) => {
      const { seconds, nanos } = split(sinceNanos);
      const first = sql.since.get(seconds, nanos)?.id;
      return first === undefined ? newest() : first - 1;
    },
    prune: (rows, olderThanNanos) => {
      sql.prune.run(rows, split(olderThanNanos).seconds);
    },
  };
}

function split(timeNanos: bigint): { seconds: number; nanos: number } {
  return { seconds: Number(timeNanos / nanosPerSecond), nanos: Number(timeNanos % nanosPerSecond) };
}

function parseEvent(row: EventRow): EngineEvent {
  return {
    type: row.type,
    action: row.action,
    actorId: row.actor_id,
    attributes: JSON.parse(row.attributes) as Record<string, string>,
    timeNanos: BigInt(row.seconds) * nanosPerSecond + BigInt(row.nanos),
  };
}
