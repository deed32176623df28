import { EngineError } from '@gantry/base';

/**
 * SAFETY: gzip cannot grow more than 1,032-fold, zstd can without bound: beyond this it is a bomb. The allowance lets a
 * tiny archive hold some megabytes of zeros.
 */
const maximumGrowth = 2000;
const growthAllowance = 64 * 2 ** 20;

/** Counts the bytes of an archive before and after its decompression, and stops what grows without measure. */
export class GrowthLimit {
  /** `layer`, `archive`: what the error calls it. */
  readonly #what: string;
  storedBytes = 0;
  grownBytes = 0;

  constructor(what: string) {
    this.#what = what;
  }

  /** Passes the stored bytes on and counts them. */
  async *counted(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.storedBytes += chunk.length;
      yield chunk;
    }
  }

  /** Counts decompressed bytes. @throws invalid */
  grow(bytes: number): void {
    this.grownBytes += bytes;
    if (this.grownBytes <= this.storedBytes * maximumGrowth + growthAllowance) return;
    throw new EngineError(
      'invalid',
      `cannot unpack ${this.#what}: it grows to more than ${maximumGrowth} times its size`,
    );
  }
}
