import type { Socket } from 'node:net';

/** Connects to the daemon that came after this one. */
export type Elsewhere = () => Promise<Socket>;

/**
 * Stands before every request. It is open; it is closed for as long as the engine changes, and requests wait; then it is
 * open again, or they all go elsewhere.
 */
export type Turnstile = {
  /** What a request waits for before it is answered; undefined while it is open. */
  readonly closed: Promise<Elsewhere | undefined> | undefined;
  close(): void;
  open(): void;
  moveTo(elsewhere: Elsewhere): void;
  /** Ends the connections that wait for their next request. */
  retire(): void;
  readonly retired: AbortSignal;
};

export function createTurnstile(): Turnstile {
  let closed: PromiseWithResolvers<Elsewhere | undefined> | undefined;
  const retiring = new AbortController();
  return {
    get closed() {
      return closed?.promise;
    },
    close: () => {
      closed ??= Promise.withResolvers();
    },
    open: () => {
      closed?.resolve(undefined);
      closed = undefined;
    },
    moveTo: (elsewhere) => {
      closed ??= Promise.withResolvers();
      closed.resolve(elsewhere);
    },
    retire: () => retiring.abort(),
    retired: retiring.signal,
  };
}
