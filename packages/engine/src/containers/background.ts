/**
 * Work that goes on after its request was answered. Its owner is this object, so that a failure is reported once instead
 * of lost.
 */
export type Background = AsyncDisposable & {
  /** Work that ends by itself, such as removing directories: closing waits for it. */
  run(name: string, work: () => Promise<void>): void;
  /** Work that lasts as long as something else, such as following a container: closing lets go of it. */
  watch(name: string, work: () => Promise<void>): void;
  readonly closed: boolean;
};

export function createBackground(report: (name: string, error: unknown) => void): Background {
  const running = new Set<Promise<void>>();
  let closed = false;
  const guarded = async (name: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!closed) report(name, error);
    }
  };
  return {
    run: (name, work) => {
      const promise = guarded(name, work).finally(() => running.delete(promise));
      running.add(promise);
    },
    watch: (name, work) => {
      void guarded(name, work);
    },
    get closed() {
      return closed;
    },
    [Symbol.asyncDispose]: async () => {
      while (running.size > 0) await Promise.all(running);
      closed = true;
    },
  };
}
