import type { Db } from '../db/index.ts';
import type { EventRoom, Filters } from '../engine.ts';
import { matchesEvent } from './filter.ts';
import { type Journal, openJournal } from './journal.ts';
import type { Clock, EngineEvent } from './types.ts';

export { createSystemClock } from './system-clock.ts';
export type * from './types.ts';

export type EventDeps = {
  readonly db: Db;
  readonly clock: Clock;
  /** How much history stays; the default is 100,000 events of at most 90 days. */
  readonly retention?: { readonly rows: number; readonly days: number };
};

const defaultRetention = { rows: 100_000, days: 90 };
/** History is cut once in so many events, so that the cut costs each of them nothing. */
const pruneEvery = 1000;
/** How many rows a listener takes at once: enough to be fast, little enough to let others run in between. */
const batchRows = 256;
const nanosPerDay = 86_400_000_000_000n;
/** setTimeout takes no longer delay. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Opens the journal of the engine.
 *
 * A listener is a position in the rows, nothing more: nobody queues anything for it, so a slow one holds no memory and
 * stops nobody. It is woken after the transaction that recorded something, and never sees what was rolled back.
 */
export function openEvents(deps: EventDeps): EventRoom {
  const journal = openJournal(deps.db);
  const retention = deps.retention ?? defaultRetention;
  const listeners = new Set<Listener>();
  let lastNanos = 0n;
  let sincePrune = 0;
  let recorded = 0;
  let wakes = false;

  const prune = (): void => {
    sincePrune = 0;
    journal.prune(retention.rows, lastNanos - BigInt(retention.days) * nanosPerDay);
  };
  const wakeAll = (): void => {
    if (wakes || listeners.size === 0) return;
    wakes = true;
    // A transaction never waits, so a microtask runs after its end.
    queueMicrotask(() => {
      wakes = false;
      for (const listener of listeners) listener.wake();
    });
  };

  return {
    record: (...[type, action, actorId, attributes]) => {
      const now = deps.clock();
      // Times are also the order: two events never share one, and none goes back with a clock that was set.
      lastNanos = now > lastNanos ? now : lastNanos + 1n;
      journal.append({ type, action, actorId, attributes, timeNanos: lastNanos });
      sincePrune++;
      recorded++;
      if (sincePrune >= pruneEvery) prune();
      wakeAll();
    },
    counts: () => ({ recorded, listeners: listeners.size }),
    recent: journal.recent,
    around: journal.around,
    stream: ({ sinceNanos, untilNanos, filters }, signal) => {
      const fromStart = sinceNanos === undefined && untilNanos !== undefined;
      const cursor = fromStart ? 0 : sinceNanos === undefined ? journal.newest() : journal.before(sinceNanos);
      const listener = createListener();
      listeners.add(listener);
      return follow({
        journal,
        clock: deps.clock,
        listener,
        cursor,
        untilNanos,
        filters,
        signal,
        leave: () => listeners.delete(listener),
      });
    },
  };
}

type Follow = {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly listener: Listener;
  readonly cursor: number;
  readonly untilNanos: bigint | undefined;
  readonly filters: Filters;
  readonly signal: AbortSignal;
  readonly leave: () => void;
};

async function* follow(given: Follow): AsyncGenerator<EngineEvent> {
  const { journal, listener, untilNanos, signal } = given;
  let { cursor } = given;
  using stack = new DisposableStack();
  stack.defer(given.leave);
  signal.addEventListener('abort', listener.wake);
  stack.defer(() => signal.removeEventListener('abort', listener.wake));
  while (!signal.aborted) {
    // Asked before reading: an event that comes in between is read by this round or is later than the end.
    const isOver = untilNanos !== undefined && given.clock() >= untilNanos;
    listener.rest();
    const rows = journal.after(cursor, batchRows);
    for (const { id, event } of rows) {
      cursor = id;
      if (untilNanos !== undefined && event.timeNanos > untilNanos) return;
      if (matchesEvent(event, given.filters)) yield event;
      if (signal.aborted) return;
    }
    if (rows.length === batchRows) continue;
    if (isOver) return;
    await listener.waitUntil(untilNanos === undefined ? undefined : untilNanos - given.clock());
  }
}

type Listener = {
  readonly wake: () => void;
  /** Forgets earlier wakes: what they were about is read now. */
  rest(): void;
  /** Settles at the next wake since `rest`, or when the time is over. */
  waitUntil(nanos: bigint | undefined): Promise<void>;
};

function createListener(): Listener {
  let woken = Promise.withResolvers<void>();
  return {
    wake: () => woken.resolve(),
    rest: () => {
      woken = Promise.withResolvers<void>();
    },
    waitUntil: async (nanos) => {
      if (nanos === undefined) return woken.promise;
      const delayMs = nanos <= 0n ? 0 : Math.min(Number(nanos / 1_000_000n) + 1, longestTimerMs);
      const timer = setTimeout(woken.resolve, delayMs);
      await woken.promise;
      clearTimeout(timer);
    },
  };
}
