/**
 * Mutual exclusion by key: holders of one key run one after another, in order of asking; different keys do not meet.
 *
 * `await using _lock = await locks.hold(id)` takes the key and releases it at the end of the block. An aborted wait
 * throws the signal's reason and leaves the queue as if it had never stood in it.
 */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>();
  readonly #heldSince = new Map<string, number>();
  readonly #now: () => number;

  /** @param now milliseconds of any clock, for those who ask how long a key has been held */
  constructor(now: () => number = () => 0) {
    this.#now = now;
  }

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
    const leave = async (): Promise<void> => {
      this.#heldSince.delete(key);
      release();
    };
    try {
      await (signal === undefined ? previous : aborted(previous, signal));
    } catch (error) {
      release();
      throw error;
    }
    this.#heldSince.set(key, this.#now());
    return { [Symbol.asyncDispose]: leave };
  }

  /** The keys that are held, with the moment at which they were taken. */
  get held(): readonly { readonly key: string; readonly since: number }[] {
    return [...this.#heldSince].map(([key, since]) => ({ key, since }));
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
