/** Tars are made of blocks of this size, and shift by whole ones. */
const blockBytes = 512;
export const maximumChunkBytes = 64 * 1024;
/** One block in sixteen ends a chunk. */
const cutMask = 15;
/** So many bytes of a block decide. */
const sampleStep = 32;
const ustar = [0x75, 0x73, 0x74, 0x61, 0x72];
const ustarOffset = 257;

/**
 * Cuts a tar into chunks where its content says so, so that equal parts of two tars become equal chunks wherever they
 * stand: each header is a chunk of its own, for names and times change where content does not; inside of files a block
 * in sixteen ends one. Bytes that are no tar are cut too, only worse.
 *
 * One life: `push` the bytes, `finish`. A chunk given to `onChunk` is gone after the call.
 */
export class Chunker {
  readonly #onChunk: (chunk: Uint8Array) => void;
  readonly #memory = new Uint8Array(maximumChunkBytes);
  #filled = 0;

  constructor(onChunk: (chunk: Uint8Array) => void) {
    this.#onChunk = onChunk;
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const room = blockBytes - (this.#filled % blockBytes);
      const taken = Math.min(room, bytes.length - at);
      this.#memory.set(bytes.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
      if (taken === room) this.#onBlock(this.#filled - blockBytes);
    }
  }

  finish(): void {
    this.#cut(0, this.#filled);
  }

  /** A whole block stands at the end of what is there. */
  #onBlock(from: number): void {
    if (this.#isHeader(from)) {
      this.#cut(0, from);
      this.#cut(from, from + blockBytes);
    } else if (this.#filled === maximumChunkBytes || this.#endsChunk(from)) {
      this.#cut(0, this.#filled);
    }
  }

  #cut(from: number, to: number): void {
    if (to > from) this.#onChunk(this.#memory.subarray(from, to));
    if (to === this.#filled) this.#filled = 0;
  }

  #isHeader(from: number): boolean {
    return ustar.every((byte, i) => this.#memory[from + ustarOffset + i] === byte);
  }

  #endsChunk(from: number): boolean {
    let hash = 0;
    for (let at = from; at < from + blockBytes; at += sampleStep)
      hash = Math.imul(hash ^ (this.#memory[at] ?? 0), 0x01000193);
    return ((hash >>> 12) & cutMask) === cutMask;
  }
}
