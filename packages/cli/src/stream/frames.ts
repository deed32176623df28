/** Where a frame of Docker's multiplexed stream belongs. */
export type StreamKind = 'stdin' | 'stdout' | 'stderr';

export type FrameSink = (kind: StreamKind, bytes: Uint8Array) => void;

const kinds: readonly StreamKind[] = ['stdin', 'stdout', 'stderr'];
const headerBytes = 8;

/**
 * Takes Docker's multiplexed stream apart as it comes: one byte of kind, three of nothing, four of length, then bytes.
 *
 * A frame is handed on in the pieces it arrives in; nobody waits for the rest of a long one.
 *
 * Spec: Docker Engine API, "Attach to a container", "Stream format".
 */
export class FrameReader {
  readonly #sink: FrameSink;
  #header: Uint8Array = new Uint8Array(0);
  #kind: StreamKind = 'stdout';
  #left = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** @throws Error when the bytes are no such stream */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left === 0) {
        const taken = Math.min(headerBytes - this.#header.length, bytes.length - at);
        this.#header = concat(this.#header, bytes.subarray(at, at + taken));
        at += taken;
        if (this.#header.length === headerBytes) this.#open();
        continue;
      }
      const taken = Math.min(this.#left, bytes.length - at);
      this.#sink(this.#kind, bytes.subarray(at, at + taken));
      this.#left -= taken;
      at += taken;
    }
  }

  #open(): void {
    const kind = kinds[this.#header[0] ?? 255];
    if (kind === undefined) throw new Error(`Unrecognized input header: ${this.#header[0]}`);
    this.#kind = kind;
    this.#left = new DataView(this.#header.buffer, this.#header.byteOffset).getUint32(4);
    this.#header = new Uint8Array(0);
  }
}

function concat(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (left.length === 0) return right;
  const both = new Uint8Array(left.length + right.length);
  both.set(left);
  both.set(right, left.length);
  return both;
}
