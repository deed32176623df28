/** Where a frame of Docker's multiplexed stream belongs. */
export type StreamKind = 'stdin' | 'stdout' | 'stderr';

export type FrameSink = (kind: StreamKind, bytes: Uint8Array) => void;

const kinds: readonly StreamKind[] = ['stdin', 'stdout', 'stderr'];
const headerBytes = 8;

/**
 * Takes Docker's multiplexed stream apart as it comes: one byte of kind, three of nothing, four of length, then bytes.
 *
 * A frame is handed on in the pieces it arrives in; nobody waits for the rest of a long one. Payloads of one kind that
 * arrive together are handed on together: a log has a frame for each line, and a write for each would take most of the time.
 *
 * Spec: Docker Engine API, "Attach to a container", "Stream format".
 */
export class FrameReader {
  readonly #sink: FrameSink;
  /** What has come of a header that was cut. */
  #header: Uint8Array = new Uint8Array(0);
  #kind: StreamKind = 'stdout';
  #left = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /**
   * @param bytes are the reader's from now on: payloads are moved together within them
   * @throws Error when the bytes are no such stream
   */
  push(bytes: Uint8Array): void {
    // Payloads of this kind, moved together between `start` and `end`, wait for more of it.
    let kind = this.#kind;
    let start = 0;
    let end = 0;
    for (let at = 0; at < bytes.length; ) {
      if (this.#left === 0) {
        at = this.#readHeader(bytes, at);
        continue;
      }
      if (this.#kind !== kind) {
        if (end > start) this.#sink(kind, bytes.subarray(start, end));
        kind = this.#kind;
        start = at;
        end = at;
      }
      const taken = Math.min(this.#left, bytes.length - at);
      if (end !== at) bytes.copyWithin(end, at, at + taken);
      this.#left -= taken;
      end += taken;
      at += taken;
    }
    if (end > start) this.#sink(kind, bytes.subarray(start, end));
  }

  /** @returns the place behind what was read of it */
  #readHeader(bytes: Uint8Array, at: number): number {
    if (this.#header.length === 0 && at + headerBytes <= bytes.length) {
      this.#open(bytes, at);
      return at + headerBytes;
    }
    const next = Math.min(at + headerBytes - this.#header.length, bytes.length);
    this.#header = concat(this.#header, bytes.subarray(at, next));
    if (this.#header.length < headerBytes) return next;
    this.#open(this.#header, 0);
    this.#header = new Uint8Array(0);
    return next;
  }

  #open(bytes: Uint8Array, at: number): void {
    const kind = kinds[bytes[at] ?? 255];
    if (kind === undefined) throw new Error(`Unrecognized input header: ${bytes[at]}`);
    this.#kind = kind;
    this.#left =
      byteAt(bytes, at + 4) * 0x1000000 +
      (byteAt(bytes, at + 5) << 16) +
      (byteAt(bytes, at + 6) << 8) +
      byteAt(bytes, at + 7);
  }
}

function concat(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (left.length === 0) return right;
  const both = new Uint8Array(left.length + right.length);
  both.set(left);
  both.set(right, left.length);
  return both;
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}
