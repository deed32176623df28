/**
 * One connection to where lines go. One life: open it, `send`, `finish`; or `lost` tells that it broke.
 *
 * What was sent counts as arrived `settleMs` later, if the connection still stands then.
 */
export type Sender = AsyncDisposable & {
  /** Sends messages in order; settles when there is room for more. @throws when it cannot, or the connection is lost */
  send(messages: readonly Uint8Array[]): Promise<void>;
  readonly settleMs: number;
  readonly lost: AbortSignal;
  /** Ends it in order, and waits until the other side has ended too, or long enough. */
  finish(): Promise<void>;
};
