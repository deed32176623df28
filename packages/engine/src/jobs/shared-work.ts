type Participant<Progress> = { readonly signal: AbortSignal; readonly onProgress: (progress: Progress) => void };
type Running<T, Progress> = {
  readonly participants: Set<Participant<Progress>>;
  readonly controller: AbortController;
  readonly result: Promise<T>;
  last: Progress | undefined;
};

/**
 * Work that several callers may want at once, by key: it is done once, all of them see its progress and result, and it
 * is aborted when the last of them has left. Who joins later hears the last progress at once.
 */
export class SharedWork<T, Progress> {
  readonly #running = new Map<string, Running<T, Progress>>();
  readonly #undoing = new Map<string, Promise<void>>();

  async join(
    key: string,
    participant: Participant<Progress>,
    start: (signal: AbortSignal, onProgress: (progress: Progress) => void) => Promise<T>,
  ): Promise<T> {
    participant.signal.throwIfAborted();
    const work = this.#running.get(key) ?? this.#start(key, start);
    work.participants.add(participant);
    if (work.last !== undefined) participant.onProgress(work.last);
    const left = Promise.withResolvers<never>();
    const onAbort = (): void => {
      work.participants.delete(participant);
      if (work.participants.size === 0) this.#abandon(key, work, participant.signal.reason);
      left.reject(participant.signal.reason);
    };
    participant.signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([work.result, left.promise]);
    } catch (error) {
      // The last one to leave waits for the work to have undone itself, so that nothing is half-made afterwards.
      if (participant.signal.aborted && work.participants.size === 0) await work.result.catch(() => undefined);
      throw error;
    } finally {
      participant.signal.removeEventListener('abort', onAbort);
      work.participants.delete(participant);
    }
  }

  #start(key: string, start: Parameters<SharedWork<T, Progress>['join']>[2]): Running<T, Progress> {
    const controller = new AbortController();
    const participants = new Set<Participant<Progress>>();
    const onProgress = (progress: Progress): void => {
      work.last = progress;
      for (const { onProgress: tell } of participants) tell(progress);
    };
    // Started in a later turn, so that its first progress already finds the one who asked.
    const result = Promise.resolve(this.#undoing.get(key)).then(() => start(controller.signal, onProgress));
    const work: Running<T, Progress> = { participants, controller, result, last: undefined };
    this.#running.set(key, work);
    const forget = (): void => {
      if (this.#running.get(key) === work) this.#running.delete(key);
    };
    result.then(forget, forget);
    return work;
  }

  /** Nobody joins work that is being undone: the next one who asks starts anew, behind it, with what it left. */
  #abandon(key: string, work: Running<T, Progress>, reason: unknown): void {
    if (this.#running.get(key) === work) this.#running.delete(key);
    const forget = (): void => {
      if (this.#undoing.get(key) === undone) this.#undoing.delete(key);
    };
    const undone = work.result.then(forget, forget);
    this.#undoing.set(key, undone);
    work.controller.abort(reason);
  }
}
