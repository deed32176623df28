import type { Duplex } from 'node:stream';
import type { WaitCondition, WaitResult } from '../engine.ts';
import type { AttachStreams } from '../tasks/index.ts';

/** A client that came before the start: `meet` gives it its stream, `dismiss` tells that there will be none. */
export type Guest = {
  readonly streams: AttachStreams;
  readonly meet: (stream: Duplex) => void;
  readonly dismiss: () => void;
};
type Waiter = { readonly condition: WaitCondition; readonly settle: (result: WaitResult) => void };

/**
 * What this daemon holds in memory about containers that rows and shims cannot hold: clients that attached before the
 * start, clients that wait for an end, the restart that is due. All of it may be lost with the daemon.
 *
 * One life of a container here: `expect` guests and `wait`, `takeGuests` at its start, `exited` at each exit,
 * `removed` at the end.
 */
export type Live = {
  /** The next start attaches the guest before the process execs. @returns a function that takes the guest back */
  expect(id: string, guest: Guest): () => void;
  /** Sends the guests away: the start failed. */
  dismiss(id: string): void;
  /** Some of those who wait for a start, all when they are few; who takes them meets or dismisses them. */
  takeGuests(id: string): readonly Guest[];
  /** Every client that waits for a start, with its container; who takes them meets or dismisses them. */
  takeAllGuests(): readonly { readonly id: string; readonly guest: Guest }[];
  /** It did not react in time. Forgotten with the run that it is said of. */
  noteUnresponsive(id: string): void;
  isUnresponsive(id: string): boolean;
  /** Settles when a later engine has booked the end of an exec. */
  bookedElsewhere(execId: string): Promise<void>;
  tellBooked(execId: string): void;
  wait(id: string, condition: WaitCondition, signal: AbortSignal): Promise<WaitResult>;
  exited(id: string, result: WaitResult): void;
  removed(id: string, result: WaitResult): void;
  /** Keeps an exit from removing the container: it is being restarted. Dispose when it runs again. */
  holdRemoval(id: string): Disposable;
  isRemovalHeld(id: string): boolean;
  /** Remembers the timer of a restart that is due; replaces and cancels an earlier one. */
  restartDue(id: string, timer: NodeJS.Timeout): void;
  cancelRestart(id: string): void;
  [Symbol.dispose](): void;
};

/** A shim is handed at most this many connections; who comes in larger crowds is let in afterwards. */
const mostAtOnce = 32;

export function createLive(): Live {
  const guests = new Map<string, Set<Guest>>();
  const waiters = new Map<string, Set<Waiter>>();
  const restarts = new Map<string, NodeJS.Timeout>();
  const held = new Map<string, number>();
  const unresponsive = new Set<string>();
  const booked = new Map<string, PromiseWithResolvers<void>>();
  const booking = (execId: string): PromiseWithResolvers<void> => {
    const known = booked.get(execId) ?? Promise.withResolvers<void>();
    booked.set(execId, known);
    return known;
  };
  const settle = (id: string, result: WaitResult, over: (condition: WaitCondition) => boolean): void => {
    for (const waiter of waiters.get(id) ?? []) if (over(waiter.condition)) waiter.settle(result);
  };
  const cancelRestart = (id: string): void => {
    clearTimeout(restarts.get(id));
    restarts.delete(id);
  };
  const dismiss = (id: string): void => {
    for (const guest of guests.get(id) ?? []) guest.dismiss();
    guests.delete(id);
  };
  return {
    dismiss,
    expect: (id, guest) => {
      add(guests, id, guest);
      return () => drop(guests, id, guest);
    },
    takeGuests: (id) => {
      const waiting = guests.get(id) ?? new Set();
      const taken = [...waiting].slice(0, mostAtOnce);
      for (const guest of taken) drop(guests, id, guest);
      return taken;
    },
    takeAllGuests: () => {
      const all = [...guests].flatMap(([id, waiting]) => [...waiting].map((guest) => ({ id, guest })));
      guests.clear();
      return all;
    },
    noteUnresponsive: (id) => {
      unresponsive.add(id);
    },
    isUnresponsive: (id) => unresponsive.has(id),
    bookedElsewhere: (execId) => booking(execId).promise,
    tellBooked: (execId) => booking(execId).resolve(),
    wait: async (id, condition, signal) => {
      signal.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<WaitResult>();
      const waiter: Waiter = { condition, settle: resolve };
      const onAbort = (): void => reject(signal.reason);
      add(waiters, id, waiter);
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        return await promise;
      } finally {
        drop(waiters, id, waiter);
        signal.removeEventListener('abort', onAbort);
      }
    },
    exited: (id, result) => {
      unresponsive.delete(id);
      settle(id, result, (condition) => condition !== 'removed');
    },
    removed: (id, result) => {
      settle(id, result, () => true);
      cancelRestart(id);
      dismiss(id);
    },
    holdRemoval: (id) => {
      held.set(id, (held.get(id) ?? 0) + 1);
      return {
        [Symbol.dispose]: () => {
          const left = (held.get(id) ?? 1) - 1;
          if (left === 0) held.delete(id);
          else held.set(id, left);
        },
      };
    },
    isRemovalHeld: (id) => held.has(id),
    restartDue: (id, timer) => {
      cancelRestart(id);
      restarts.set(id, timer);
    },
    cancelRestart,
    [Symbol.dispose]: () => {
      for (const id of [...restarts.keys()]) cancelRestart(id);
    },
  };
}

function add<T>(sets: Map<string, Set<T>>, key: string, value: T): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}

function drop<T>(sets: Map<string, Set<T>>, key: string, value: T): void {
  const set = sets.get(key);
  set?.delete(value);
  if (set?.size === 0) sets.delete(key);
}
