import type { Db } from '../db/index.ts';

const schema = `
CREATE TABLE IF NOT EXISTS job (
  id       TEXT PRIMARY KEY,
  kind     TEXT NOT NULL,              -- 'pull', 'push', 'load', 'import'
  subject  TEXT NOT NULL,              -- what it works on, as the user wrote it
  progress TEXT NOT NULL,              -- its last words
  started  INTEGER NOT NULL            -- Unix milliseconds
) STRICT;
`;

export type JobRecord = {
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly progress: string;
  readonly startedAt: Date;
};

/** A long operation while it runs. */
export type Job = {
  readonly id: string;
  /** Aborts when the asker leaves or somebody cancels the job. */
  readonly signal: AbortSignal;
  report(progress: string): void;
};

/**
 * Long operations, each a row for as long as it runs: listed, cancelled, and known at boot when the daemon was killed
 * in the middle of one.
 */
export type JobRoom = {
  run<T>(what: { kind: string; subject: string; signal: AbortSignal }, body: (job: Job) => Promise<T>): Promise<T>;
  list(): readonly JobRecord[];
  /** @returns false when no such job runs */
  cancel(id: string): boolean;
  isRunning(id: string): boolean;
  /** Forgets the jobs of a daemon that died. @returns them, for the rooms whose leavings must be swept */
  recover(): readonly JobRecord[];
};

export type JobDeps = {
  readonly db: Db;
  readonly now: () => Date;
  readonly random: (bytes: number) => Uint8Array;
};

type JobRow = { id: string; kind: string; subject: string; progress: string; started: number };

/** A row says where its job stands, not each percent of it. */
const reportIntervalMs = 1000;

export function openJobs(deps: JobDeps): JobRoom {
  deps.db.define(schema);
  const insert = deps.db.prepare('INSERT INTO job (id, kind, subject, progress, started) VALUES (?, ?, ?, ?, ?)');
  const update = deps.db.prepare('UPDATE job SET progress = ? WHERE id = ?');
  const remove = deps.db.prepare('DELETE FROM job WHERE id = ?');
  const select = deps.db.prepare<JobRow>('SELECT id, kind, subject, progress, started FROM job ORDER BY started');
  const running = new Map<string, AbortController>();
  const list = (): JobRecord[] => select.all().map(({ started, ...row }) => ({ ...row, startedAt: new Date(started) }));

  return {
    run: async ({ kind, subject, signal }, body) => {
      signal.throwIfAborted();
      const id = Buffer.from(deps.random(8)).toString('hex');
      const cancelling = new AbortController();
      let reportedAt = 0;
      insert.run(id, kind, subject, '', deps.now().getTime());
      running.set(id, cancelling);
      using cleanUp = new DisposableStack();
      cleanUp.defer(() => {
        running.delete(id);
        remove.run(id);
      });
      return await body({
        id,
        signal: AbortSignal.any([signal, cancelling.signal]),
        report: (progress) => {
          const now = deps.now().getTime();
          if (now - reportedAt < reportIntervalMs) return;
          reportedAt = now;
          update.run(progress, id);
        },
      });
    },
    list,
    cancel: (id) => {
      running.get(id)?.abort(new DOMException('the job was cancelled', 'AbortError'));
      return running.has(id);
    },
    isRunning: (id) => running.has(id),
    recover: () => {
      const dead = list().filter(({ id }) => !running.has(id));
      deps.db.tx(() => dead.forEach(({ id }) => void remove.run(id)));
      return dead;
    },
  };
}
