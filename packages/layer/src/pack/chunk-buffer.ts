/** Bytes that own their memory, so that another thread can be given it. */
export type Chunk = Uint8Array<ArrayBuffer>;

/** Large enough to make a message between threads cheap, small enough that a few of them are nothing. */
const chunkBytes = 512 * 1024;

/**
 * Collects the pieces of an archive into chunks of one size, so that twenty thousand small files are not twenty thousand
 * messages. One life: `add` or `room` and `fill` by turns, `take` whenever `isFull`, `take` once more at the end.
 *
 * What was taken is filled again, for fresh memory costs as much as a copy, unless another thread was given it.
 */
export class ChunkBuffer {
  readonly #fresh: () => Chunk;
  #bytes: Chunk;
  #filled = 0;

  /** @param fresh gives memory of `newChunk`'s size, when what was taken is somebody else's */
  constructor(fresh: () => Chunk = newChunk) {
    this.#fresh = fresh;
    this.#bytes = fresh();
  }

  get isFull(): boolean {
    return this.#filled === chunkBytes;
  }

  /** Takes as many bytes as there is room for. @returns how many */
  add(bytes: Uint8Array): number {
    const room = this.room(bytes.length);
    const taken = bytes.length === room.length ? bytes : bytes.subarray(0, room.length);
    room.set(taken);
    this.#filled += taken.length;
    return taken.length;
  }

  /** The free end of the chunk, for a read to go into, of at most so many bytes; `fill` says how many it took. */
  room(maximumBytes: number): Uint8Array {
    if (this.#bytes.buffer.detached) this.#bytes = this.#fresh();
    return this.#bytes.subarray(this.#filled, Math.min(this.#bytes.length, this.#filled + maximumBytes));
  }

  fill(count: number): void {
    this.#filled += count;
  }

  /** Lends the chunk until the next byte is added; a receiver that needs it longer transfers its memory. */
  take(): Chunk {
    const bytes = this.#filled === 0 ? empty : this.#bytes.subarray(0, this.#filled);
    this.#filled = 0;
    return bytes;
  }
}

const empty: Chunk = new Uint8Array(0);

/** SAFETY: not zeroed, which costs as much as filling it; `take` gives away no byte that was not written. */
export function newChunk(): Chunk {
  return new Uint8Array(Buffer.allocUnsafeSlow(chunkBytes).buffer);
}
