import type { Db } from '../db/index.ts';
import { type NoteRows, openNoteRows } from './note-rows.ts';
import type { Durability, Interrupted } from './types.ts';

export type DurabilityDeps = {
  readonly db: Db;
  /** /proc/sys/kernel/random/boot_id: another one after each start of the machine. */
  readonly bootId: string;
  readonly now: () => Date;
  /** Puts the data root on the disk; see syncInThread. */
  readonly sync: () => Promise<void>;
  readonly report: (what: string, error: unknown) => void;
};

/** A start that follows a pull at once is not to meet the disk while it writes the pull out. */
const quietMs = 1000;
/** How long a stop waits for the disk. What is not on it then is noted, and asked about only after a reboot. */
const longestStopMs = 5000;

/** Opens the notes of a database, and finds out whether the machine was started again since they were made. */
export function openDurability({ db, bootId, now, sync, report }: DurabilityDeps): Durability {
  const rows = openNoteRows(db);
  let interrupted = findInterruption(rows, bootId);
  let quiet: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let hasEnded = false;
  let confirming = 0;

  const syncNow = async (): Promise<void> => {
    const upTo = rows.newest();
    const startedAt = now();
    try {
      await sync();
      if (hasEnded) return;
      const before = rows.count();
      // What was noted while the disk was busy is not among what it was busy with.
      db.tx(() => {
        rows.removeUpTo(upTo);
        rows.setSynced(startedAt.getTime());
      });
      confirming = before - rows.count();
      // Once more, and soon done: for the rows that say so.
      await sync();
    } catch (error) {
      report('sync of the data root', error);
    } finally {
      confirming = 0;
    }
  };
  const syncInTurn = (): Promise<void> => {
    const turn = (running ?? Promise.resolve()).then(syncNow);
    running = turn;
    return turn;
  };

  return {
    note: rows.insert,
    pending: () => rows.count() + confirming,
    syncSoon: () => {
      quiet ??= setTimeout(() => {
        quiet = undefined;
        void syncInTurn();
      }, quietMs).unref();
    },
    get interrupted() {
      return interrupted;
    },
    settle: () => {
      if (interrupted === undefined) return;
      db.tx(() => {
        rows.removeUpTo(rows.newest());
        rows.setBoot(bootId);
      });
      interrupted = undefined;
    },
    [Symbol.asyncDispose]: async () => {
      clearTimeout(quiet);
      if (rows.newest() === 0) {
        hasEnded = true;
        return;
      }
      const { promise: tooLate, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, longestStopMs);
      await Promise.race([syncInTurn(), tooLate]);
      clearTimeout(timer);
      hasEnded = true;
    },
  };
}

function findInterruption(rows: NoteRows, bootId: string): Interrupted | undefined {
  const boot = rows.findBoot();
  if (boot === undefined) return { suspects: [], syncedAt: undefined };
  if (boot.boot_id === bootId) return undefined;
  return { suspects: rows.list(), syncedAt: boot.synced === null ? undefined : new Date(boot.synced) };
}
