/**
 * Work that goes on after its request was answered. Its owner is this object, so that a failure is reported once instead
 * of lost.
 */
export type Background = AsyncDisposable & {
  /** Work that ends by itself, such as restarting a container: closing waits for it. */
  run(name: string, work: () => Promise<void>): void;
  /** The same for what nobody waits for, such as removing directories: it begins at the next pause, or a little later. */
  runLater(name: string, work: () => Promise<void>): void;
  /** The engine waits for a process that is being made, and has nothing else to do meanwhile. */
  pause(): void;
  /** Begins what waits for a pause, and waits until it is done. */
  catchUp(): Promise<void>;
  /** Work that lasts as long as something else, such as following a container: closing lets go of it. */
  watch(name: string, work: () => Promise<void>): void;
  readonly closed: boolean;
};

/** No later than so does work begin that waits for a pause. */
const longestDelayMs = 20;

export function createBackground(report: (name: string, error: unknown) => void): Background {
  const running = new Set<Promise<void>>();
  const postponed = new Set<Promise<void>>();
  let later: (() => void)[] = [];
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const guarded = async (name: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!closed) report(name, error);
    }
  };
  const run = (name: string, work: () => Promise<void>, among = running): void => {
    const promise = guarded(name, work).finally(() => among.delete(promise));
    among.add(promise);
  };
  const pause = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const due = later;
    later = [];
    for (const begin of due) begin();
  };
  return {
    run: (name, work) => run(name, work),
    runLater: (name, work) => {
      later.push(() => run(name, work, postponed));
      timer ??= setTimeout(pause, longestDelayMs);
    },
    pause,
    catchUp: async () => {
      pause();
      await Promise.all(postponed);
    },
    watch: (name, work) => {
      void guarded(name, work);
    },
    get closed() {
      return closed;
    },
    [Symbol.asyncDispose]: async () => {
      while (running.size > 0) await Promise.all(running);
      pause();
      while (postponed.size > 0) await Promise.all(postponed);
      closed = true;
    },
  };
}
