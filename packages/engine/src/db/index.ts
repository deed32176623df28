import { Database, type SQLQueryBindings, type Statement } from 'bun:sqlite';

type NotPromise<T> = T extends PromiseLike<unknown> ? never : T;

/**
 * The engine's database: what should exist. One file, one process, no waiting inside a transaction.
 *
 * A room calls `define` once with its tables (`CREATE TABLE IF NOT EXISTS … STRICT`), keeps its statements from
 * `prepare`, and groups writes with `tx`. Rows survive a killed daemon; the last ones may be lost when the machine
 * itself dies, which boot treats like any other difference between rows and the world.
 */
export type Db = Disposable & {
  define(schema: string): void;
  prepare<Row>(sql: string): Statement<Row, SQLQueryBindings[]>;
  /** Runs the body as one transaction; a nested call joins the outer one. */
  tx<T>(body: () => NotPromise<T>): T;
};

/** Opens or makes the database file. @throws the driver's error when the file is not a database */
export function openDb(path: string): Db {
  const sqlite = new Database(path, { create: true, strict: true });
  // WAL with synchronous=NORMAL: a commit writes to the page cache and waits for no disk, so a start pays no fsync.
  sqlite.run('PRAGMA journal_mode = WAL');
  sqlite.run('PRAGMA synchronous = NORMAL');
  sqlite.run('PRAGMA foreign_keys = ON');
  let depth = 0;
  return {
    define: (schema) => {
      sqlite.run(schema);
    },
    prepare: <Row>(sql: string) => sqlite.prepare<Row, SQLQueryBindings[]>(sql),
    tx: (body) => {
      if (depth > 0) return body();
      depth++;
      sqlite.run('BEGIN IMMEDIATE');
      try {
        const result = body();
        sqlite.run('COMMIT');
        return result;
      } catch (error) {
        sqlite.run('ROLLBACK');
        throw error;
      } finally {
        depth--;
      }
    },
    [Symbol.dispose]: () => sqlite.close(),
  };
}
