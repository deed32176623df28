import { close, open, openFlag, pread } from '@gantry/native';

const states = { growing: 0, complete: 1, abandoned: 2 } as const;
/** Slots of the shared numbers: a version to wait on, the state, and how far the file has grown. */
const versionSlot = 0;
const stateSlot = 1;
const lengthSlot = 1;
const chunkBytes = 256 * 1024;

/** The reader gave up because the writer did. */
export class Abandoned extends Error {
  override readonly name = 'Abandoned';
}

/**
 * How far a file has been written, shared between the thread that writes it and the one that reads it behind. The
 * writer tells of growth, then either completes or abandons; both wake the reader.
 */
export class Growth {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #lengths: BigInt64Array;

  constructor(shared = new SharedArrayBuffer(16)) {
    this.shared = shared;
    this.#words = new Int32Array(shared, 0, 2);
    this.#lengths = new BigInt64Array(shared, 0, 2);
  }

  /** A file that is whole already. */
  static complete(lengthBytes: number): Growth {
    const growth = new Growth();
    growth.grow(lengthBytes);
    growth.complete();
    return growth;
  }

  grow(lengthBytes: number): void {
    Atomics.store(this.#lengths, lengthSlot, BigInt(lengthBytes));
    this.#wake();
  }

  complete(): void {
    Atomics.compareExchange(this.#words, stateSlot, states.growing, states.complete);
    this.#wake();
  }

  /** The reader stops at its next chunk, even when the file is complete. */
  abandon(): void {
    Atomics.store(this.#words, stateSlot, states.abandoned);
    this.#wake();
  }

  #wake(): void {
    Atomics.add(this.#words, versionSlot, 1);
    Atomics.notify(this.#words, versionSlot);
  }

  /** Waits for more than `position` bytes. @returns the length; at most `position` when the file is complete */
  async wait(position: number): Promise<number> {
    for (;;) {
      const version = Atomics.load(this.#words, versionSlot);
      const state = Atomics.load(this.#words, stateSlot);
      if (state === states.abandoned) throw new Abandoned('the writer gave up');
      const length = Number(Atomics.load(this.#lengths, lengthSlot));
      if (length > position || state === states.complete) return length;
      const waiting = Atomics.waitAsync(this.#words, versionSlot, version);
      if (waiting.async) await waiting.value;
    }
  }
}

/**
 * Reads a part of a file while it is written, from `offset` on. All chunks are in the same memory, so each is gone when
 * the next is asked for: the collector would let megabytes of them gather.
 *
 * @throws Abandoned when the writer gives up
 */
export async function* readGrowing(path: string, offset: number, growth: Growth): AsyncGenerator<Uint8Array> {
  const fd = open(path, openFlag.readOnly);
  const memory = Buffer.allocUnsafeSlow(chunkBytes);
  try {
    for (let position = 0; ; ) {
      const length = await growth.wait(position);
      if (length <= position) return;
      const count = pread(fd, memory.subarray(0, Math.min(chunkBytes, length - position)), offset + position);
      if (count === 0) throw new Error(`unreachable: "${path}" is shorter than its writer said`);
      position += count;
      yield memory.subarray(0, count);
    }
  } finally {
    close(fd);
  }
}
