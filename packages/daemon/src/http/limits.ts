/** Every cap on what a client may send, in one place. A client that goes beyond is told so and disconnected. */
export const limits = {
  /** Request line and headers together; Go's servers take 1 MB, no client sends a tenth of this. */
  headBytes: 64 * 1024,
  /** A body that is parsed as JSON. The largest honest one is a create request with thousands of labels. */
  jsonBodyBytes: 4 * 2 ** 20,
  /** One chunk's size line, extensions included. */
  chunkLineBytes: 256,
  /** How much of a body that no handler read is swallowed to keep the connection. */
  unreadBodyBytes: 256 * 1024,
  /** Bytes taken from a socket ahead of who reads them. */
  readAheadBytes: 256 * 1024,
  /** From the first byte of a head to its end, and for a JSON body: a client that dribbles is let go. */
  headTimeoutMs: 30_000,
  jsonBodyTimeoutMs: 60_000,
  /** How long a finished hijacked connection waits for its client to close its own side. */
  lingerMs: 5_000,
} as const;
