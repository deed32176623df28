/**
 * Mutual exclusion by key: holders of one key run one after another, in order of asking; different keys do not meet.
 *
 * `await using _lock = await locks.hold(id)` takes the key and releases it at the end of the block. An aborted wait
 * throws the signal's reason and leaves the queue as if it had never stood in it.
 */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>();

  async hold(key: string, signal?: AbortSignal): Promise<AsyncDisposable> {
    signal?.throwIfAborted();
    const previous = this.#tails.get(key) ?? Promise.resolve();
    const own = Promise.withResolvers<void>();
    const tail = previous.then(() => own.promise);
    this.#tails.set(key, tail);
    const release = (): void => {
      own.resolve();
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    };
    try {
      await (signal === undefined ? previous : aborted(previous, signal));
    } catch (error) {
      release();
      throw error;
    }
    return { [Symbol.asyncDispose]: async () => release() };
  }

  /** How many keys are held or waited for. */
  get size(): number {
    return this.#tails.size;
  }
}

async function aborted(turn: Promise<void>, signal: AbortSignal): Promise<void> {
  const stop = Promise.withResolvers<never>();
  const onAbort = (): void => stop.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([turn, stop.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
