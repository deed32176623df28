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
  /** Runs once the transaction around it is in, at once outside of any; never when that is rolled back. */
  afterCommit(act: () => void): void;
  /** Runs when the transaction around it was rolled back; never outside of any. For what memory has of rows. */
  afterRollback(act: () => void): void;
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
  const begin = sqlite.prepare('BEGIN IMMEDIATE');
  const commit = sqlite.prepare('COMMIT');
  const statements: Disposable[] = [begin, commit];
  let depth = 0;
  let afterwards: (() => void)[] = [];
  let regrets: (() => void)[] = [];
  let quiet: NodeJS.Timeout | undefined;
  const rollBack = (): void => {
    try {
      sqlite.run('ROLLBACK');
    } catch {
      // A COMMIT that failed has rolled back by itself; why it failed is what the caller must see.
    }
  };
  const outermost = <T>(body: () => T): T => {
    begin.run();
    depth++;
    try {
      const result = body();
      commit.run();
      regrets = [];
      checkpointLater();
      return result;
    } catch (error) {
      const acts = regrets;
      [afterwards, regrets] = [[], []];
      rollBack();
      for (const act of acts) act();
      throw error;
    } finally {
      depth--;
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
      // The first commit of a new log waits for the disk: this one, and not the next that a client waits for.
      begin.run();
      sqlite.run('PRAGMA user_version = 1');
      commit.run();
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
      const result = outermost(body);
      const acts = afterwards;
      afterwards = [];
      for (const act of acts) act();
      return result;
    },
    afterCommit: (act) => {
      if (depth > 0) afterwards.push(act);
      else act();
    },
    afterRollback: (act) => {
      if (depth > 0) regrets.push(act);
    },
    [Symbol.dispose]: () => {
      clearTimeout(quiet);
      // An open statement would keep the file locked.
      for (const statement of statements) statement[Symbol.dispose]();
      sqlite.close();
    },
  };
}
