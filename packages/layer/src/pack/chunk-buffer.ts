/** Bytes that own their memory, so that another thread can be given it. */
export type Chunk = Uint8Array<ArrayBuffer>;

/** Large enough to make a message between threads cheap, small enough that a few of them are nothing. */
const chunkBytes = 512 * 1024;

/**
 * Collects the pieces of an archive into chunks of one size, so that twenty thousand small files are not twenty thousand
 * messages. One life: `add` or `room` and `fill` by turns, `take` whenever `isFull`, `take` once more at the end.
 */
export class ChunkBuffer {
  #bytes: Chunk = new Uint8Array(chunkBytes);
  #filled = 0;

  get isFull(): boolean {
    return this.#filled === this.#bytes.length;
  }

  /** Takes as many bytes as there is room for. @returns how many */
  add(bytes: Uint8Array): number {
    const room = this.#bytes.length - this.#filled;
    const taken = bytes.length <= room ? bytes : bytes.subarray(0, room);
    this.#bytes.set(taken, this.#filled);
    this.#filled += taken.length;
    return taken.length;
  }

  /** The free end of the chunk, for a read to go into, of at most so many bytes; `fill` says how many it took. */
  room(maximumBytes: number): Uint8Array {
    return this.#bytes.subarray(this.#filled, Math.min(this.#bytes.length, this.#filled + maximumBytes));
  }

  fill(count: number): void {
    this.#filled += count;
  }

  /** Gives the chunk away; it is the receiver's from then on. */
  take(): Chunk {
    const bytes = this.#bytes.subarray(0, this.#filled);
    this.#bytes = new Uint8Array(chunkBytes);
    this.#filled = 0;
    return bytes;
  }
}
