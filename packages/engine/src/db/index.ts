import { Database, type SQLQueryBindings, type Statement } from 'bun:sqlite';

/** 32 MB of log at most, before a transaction pays for a checkpoint itself. */
const longestLogPages = 8192;
const quietMs = 2000;

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
  // Nobody else opens the file: without shared locks a transaction costs half the system calls.
  sqlite.run('PRAGMA locking_mode = EXCLUSIVE');
  // WAL with synchronous=NORMAL: a commit writes to the page cache and waits for no disk, so a start pays no fsync.
  sqlite.run('PRAGMA journal_mode = WAL');
  sqlite.run('PRAGMA synchronous = NORMAL');
  // A checkpoint does wait for the disk: it is made when nothing has been written for a while, or when the log is long.
  sqlite.run(`PRAGMA wal_autocheckpoint = ${longestLogPages}`);
  sqlite.run('PRAGMA foreign_keys = ON');
  const statements: Disposable[] = [];
  let depth = 0;
  let quiet: NodeJS.Timeout | undefined;
  const rollBack = (): void => {
    try {
      sqlite.run('ROLLBACK');
    } catch {
      // A COMMIT that failed has rolled back by itself; why it failed is what the caller must see.
    }
  };
  const checkpointLater = (): void => {
    if (quiet === undefined) quiet = setTimeout(checkpoint, quietMs).unref();
    else quiet.refresh();
  };
  const checkpoint = (): void => {
    quiet = undefined;
    try {
      sqlite.run('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch {
      // A full disk, say: nothing is lost, the log only stays as long as it is until the next quiet moment.
      checkpointLater();
    }
  };
  return {
    define: (schema) => {
      sqlite.run(schema);
    },
    prepare: <Row>(sql: string) => {
      const statement = sqlite.prepare<Row, SQLQueryBindings[]>(sql);
      statements.push(statement);
      return statement;
    },
    tx: (body) => {
      if (depth > 0) return body();
      depth++;
      sqlite.run('BEGIN IMMEDIATE');
      try {
        const result = body();
        sqlite.run('COMMIT');
        checkpointLater();
        return result;
      } catch (error) {
        rollBack();
        throw error;
      } finally {
        depth--;
      }
    },
    [Symbol.dispose]: () => {
      clearTimeout(quiet);
      // An open statement would keep the file locked.
      for (const statement of statements) statement[Symbol.dispose]();
      sqlite.close();
    },
  };
}
